import sys

import rudderstack.analytics as analytics

url, key = sys.argv[1:]
analytics.write_key, analytics.dataPlaneUrl = key, url
analytics.identify("u1", {"name": "王小明", "phone": "13812349876", "age": 31, "vip": True}, anonymous_id="a1")
for turn in range(20):
    analytics.track("u1", "Wheel Spun", {"turn": turn, "颜色": "红"})
analytics.flush()
print("half", flush=True)
sys.stdin.readline()
analytics.alias("a0", "u1")
for turn in range(20, 40):
    analytics.track("u1", "Wheel Spun", {"turn": turn, "颜色": "红"})
analytics.flush()
analytics.join()
