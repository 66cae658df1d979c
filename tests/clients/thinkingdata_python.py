import sys

from tgasdk.sdk import TDAnalytics, TDBatchConsumer

url, key = sys.argv[1:]
client = TDAnalytics(TDBatchConsumer(server_uri=url, appid=key), enable_uuid=True)
client.user_set(
    account_id="u1", distinct_id="a1", properties={"name": "王小明", "phone": "13812349876", "age": 31, "vip": True}
)
for turn in range(20):
    client.track(account_id="u1", distinct_id="a1", event_name="WheelSpun", properties={"turn": turn, "colour": "红"})
client.flush()
print("half", flush=True)
sys.stdin.readline()
for turn in range(20, 40):
    client.track(account_id="u1", distinct_id="a0", event_name="WheelSpun", properties={"turn": turn, "colour": "红"})
client.flush()
client.close()
