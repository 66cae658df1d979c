import sys

from posthog import Posthog

url, key = sys.argv[1:]
client = Posthog(key, host=url)
client.set(distinct_id="u1", properties={"name": "王小明", "phone": "13812349876", "age": 31, "vip": True})
client.alias("01a203e4-1ba4-7f98-aca3-99461a2e58d5", "u1")
for turn in range(20):
    client.capture("Wheel Spun", distinct_id="u1", properties={"turn": turn, "颜色": "红"})
client.flush()
print("half", flush=True)
sys.stdin.readline()
client.alias("01a203e4-1ba4-7f98-aca3-99461a2e58d6", "u1")
for turn in range(20, 40):
    client.capture("Wheel Spun", distinct_id="u1", properties={"turn": turn, "颜色": "红"})
client.shutdown()
