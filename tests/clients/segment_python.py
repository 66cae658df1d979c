import sys

import segment.analytics as analytics

url, key = sys.argv[1:]
client = analytics.Client(key, host=url)
client.identify("u1", {"name": "王小明", "phone": "13812349876", "age": 31, "vip": True}, anonymous_id="a1")
for turn in range(20):
    client.track("u1", "Wheel Spun", {"turn": turn, "颜色": "红"})
client.flush()
print("half", flush=True)
sys.stdin.readline()
client.alias("a0", "u1")
for turn in range(20, 40):
    client.track("u1", "Wheel Spun", {"turn": turn, "颜色": "红"})
client.flush()
client.join()
