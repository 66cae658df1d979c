import sys
from urllib.parse import urlsplit

from snowplow_tracker import Emitter, PageView, SelfDescribing, SelfDescribingJson, Subject, Tracker

url, key = sys.argv[1:]
place = urlsplit(url)
emitter = Emitter(place.hostname, protocol="http", port=place.port, method="post", batch_size=50)
subject = Subject().set_user_id("u1").set_domain_user_id("a1")
client = Tracker("clients", emitter, subject=subject, app_id=key)
for turn in range(20):
    said = SelfDescribingJson("iglu:com.shop/wheel_spun/jsonschema/1-0-0", {"turn": turn, "颜色": "红"})
    client.track(SelfDescribing(event_json=said))
client.flush()
print("half", flush=True)
sys.stdin.readline()
client.track(PageView("http://shop.example/", "首页"))
subject.set_domain_user_id("a0")
for turn in range(20, 40):
    said = SelfDescribingJson("iglu:com.shop/wheel_spun/jsonschema/1-0-0", {"turn": turn, "颜色": "红"})
    client.track(SelfDescribing(event_json=said))
client.flush()
