import sys

import sensorsanalytics

url, key = sys.argv[1:]
client = sensorsanalytics.SensorsAnalytics(sensorsanalytics.BatchConsumer(f"{url}/sa?project=default&token={key}", 50))
identity = sensorsanalytics.SensorsAnalyticsIdentity
client.track_signup("u1", "a1")
client.profile_set("u1", {"name": "王小明", "age": 31, "vip": True}, is_login_id=True)
client.bind(identity("$identity_login_id", "u1"), identity("$identity_mobile", "13812349876"))
for turn in range(20):
    client.track("u1", "WheelSpun", {"turn": turn, "colour": "红"}, is_login_id=True)
client.flush()
print("half", flush=True)
sys.stdin.readline()
client.track_signup("u1", "a0")
for turn in range(20, 40):
    client.track("u1", "WheelSpun", {"turn": turn, "colour": "红"}, is_login_id=True)
client.flush()
client.close()
