import sys

import mixpanel

url, key = sys.argv[1:]
urls = {"events_url": f"{url}/track", "people_url": f"{url}/engage", "groups_url": f"{url}/groups"}
buffered = mixpanel.BufferedConsumer(**urls, import_url=f"{url}/import")
client = mixpanel.Mixpanel(key, consumer=buffered)
client.people_set("u1", {"name": "王小明", "phone": "13812349876", "age": 31, "vip": True})
client.track("u1", "$identify", {"$identified_id": "u1", "$anon_id": "$device:a1"})
for turn in range(20):
    client.track("u1", "Wheel Spun", {"turn": turn, "颜色": "红"})
buffered.flush()
print("half", flush=True)
sys.stdin.readline()
client.track("u1", "$identify", {"$identified_id": "u1", "$anon_id": "$device:a0"})
for turn in range(20, 40):
    client.track("u1", "Wheel Spun", {"turn": turn, "颜色": "红"})
buffered.flush()
