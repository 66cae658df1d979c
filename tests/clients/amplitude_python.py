import sys

from amplitude import Amplitude, BaseEvent, EventOptions, Identify

url, key = sys.argv[1:]
client = Amplitude(key)
client.configuration.server_url = f"{url}/2/httpapi"
person = Identify()
for name, value in {"name": "王小明", "phone": "13812349876", "age": 31, "vip": True}.items():
    person.set(name, value)
client.identify(person, EventOptions(user_id="u1", device_id="a1"))
for turn in range(20):
    client.track(BaseEvent("Wheel Spun", user_id="u1", event_properties={"turn": turn, "颜色": "红"}))
for waiting in client.flush() or []:
    waiting.result()
print("half", flush=True)
sys.stdin.readline()
for turn in range(20, 40):
    client.track(BaseEvent("Wheel Spun", user_id="u1", device_id="a0", event_properties={"turn": turn, "颜色": "红"}))
for waiting in client.flush() or []:
    waiting.result()
client.shutdown()
