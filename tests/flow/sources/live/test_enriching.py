"""Enrichment of what is said live: finds become traits and properties, batches change nothing, nothing raw is left."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from ip_database import xdb
from limner.core.errors import BadDefinition
from limner.core.settings import EnrichSettings
from limner.flow.sources.definition import EnrichMap, LiveMap, Source
from limner.flow.sources.live.enriching import Finders
from limner.flow.sources.live.source import check_live
from limner.store.stream import Envelope
from limner.store.stream.envelope import packed
from live_shop import NOW, Live

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN"
)
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
SOURCE = """
id: web
live: {}
enrich:
  - {kind: user_agent, column: agent, traits: {last_app: app}, properties: [os, form]}
  - {kind: ip, column: address, traits: {ip_city: city}, properties: {ip_province: province}}
  - {kind: address, columns: [省, 地址], traits: [district]}
"""
ADDRESS = "1.2.33.144"


class Enriched(Live):
    """A shop with a live source that is enriched, and a database of addresses."""

    def __init__(self, folder, source=SOURCE):
        super().__init__(folder, source)
        entries = [("1.2.0.0", "1.2.255.255", "中国|江苏省|南京市|电信"), ("8.8.0.0", "8.8.255.255", "美国|0|0|0")]
        self.database = xdb(folder / "small.xdb", entries)
        settings = replace(self.stores.settings, enrich=EnrichSettings(ip_database=str(self.database)))
        self.stores = replace(self.stores, settings=settings)
        self.afresh()

    def say_from(self, agent, address, *objects, at=NOW):
        """What a client sends in one request, out of a device and from an address."""
        body = json.dumps(list(objects)).encode()
        stamp = int(at.timestamp() * 1e6)
        self.writer.write([packed(Envelope(stamp, "web", "own", "POST /collect", agent, address, body))])


@pytest.fixture(autouse=True)
def _same_keys(monkeypatch):
    """Two shops of a test hash alike, so that what they know can be compared."""
    monkeypatch.setattr("secrets.token_hex", lambda size: "ab" * size)


@pytest.fixture
def live(tmp_path):
    return Enriched(tmp_path)


def viewed(turn, **more):
    stamp = NOW.isoformat()
    return {"name": "Page Viewed", "id": f"m{turn}", "at": stamp, "user": "u1", "via": "web", **more}


def test_device_and_address_of_a_request_become_what_the_source_declares(live):
    live.say_from(PHONE, ADDRESS, viewed(1, properties={"colour": "red"}))
    live.say_from(DESK, "8.8.8.8", viewed(2))
    live.say_from("", "", viewed(3), {"user": "u1", "traits": {"省": "上海市", "地址": "徐汇区漕溪北路18号"}})
    counts = live.take().counts
    assert counts.used == 4
    one, two, three = live.ask("SELECT extra FROM events ORDER BY seq")
    assert json.loads(one["extra"]) == {"colour": "red", "os": "iOS", "form": "phone", "ip_province": "江苏省"}
    assert json.loads(two["extra"]) == {"os": "Windows", "form": "desktop"}
    assert three["extra"] is None
    found = {(row["name"], row["text"]) for row in live.ask("SELECT name, text FROM traits")}
    assert {("last_app", "wechat"), ("ip_city", "南京市"), ("district", "徐汇区")} <= found
    assert {name for name, _ in found} == {"last_app", "ip_city", "district", "省", "地址"}


def test_no_address_is_kept_anywhere(live):
    live.say_from(PHONE, ADDRESS, viewed(1))
    live.say_from(PHONE, "999.1.2.3", viewed(2))  # what cannot be read is counted
    assert live.take().counts.values == {"not an ip address": 1}
    live.stores.ledger.close()
    kept = [path for path in live.folder.rglob("*") if path.is_file() and path != live.database]
    assert not [path for path in kept if ADDRESS.encode() in path.read_bytes()]
    assert not [path for path in kept if b"999.1.2.3" in path.read_bytes()]


def test_only_what_is_declared_is_read(tmp_path):
    live = Enriched(tmp_path, "id: web\nlive: {}\n")
    live.say_from(PHONE, ADDRESS, viewed(1))
    live.take()
    assert live.one("SELECT extra FROM events") is None
    assert live.one("SELECT count(*) FROM traits") == 0


def test_batches_change_nothing(tmp_path):
    """What a client states under the name of a find is left out, whoever else is in its batch."""
    said = [viewed(n, traits={"ip_city": "北京市"} if n % 2 else {}) for n in range(4)]
    whole, apart = Enriched(tmp_path / "whole"), Enriched(tmp_path / "apart")
    whole.say_from(PHONE, ADDRESS, *said)
    whole.take()
    for one in said:
        apart.say_from(PHONE, ADDRESS, one)
        apart.take()
    assert whole.facts() == apart.facts()
    assert {row["text"] for row in whole.ask("SELECT text FROM traits WHERE name = 'ip_city'")} == {"南京市"}


def test_an_order_with_lines_is_enriched_once(live):
    lines = [{"item_id": f"P{n}", "price": 5, "quantity": 1} for n in range(3)]
    order = {"order_id": "O1", "amount": 15, "coupon": "新人"}
    live.say_from(PHONE, ADDRESS, viewed(1, name="Order Completed", properties=order, lines=lines))
    live.take()
    (row,) = live.ask("SELECT order_id, extra FROM events")
    assert json.loads(row["extra"])["ip_province"] == "江苏省"
    assert json.loads(row["extra"])["coupon"] == "新人"


def test_a_text_is_read_once_and_a_replaced_database_anew(live):
    finders = Finders(live.stores.settings.enrich)
    one = finders("ip", ["city"])
    assert finders("ip", ["city"]) is one
    os.utime(live.database, ns=(1, 1))
    assert finders("ip", ["city"]) is not one


def test_a_find_that_there_is_not_is_refused():
    with pytest.raises(BadDefinition, match="finds no 'colour'"):
        check_live(Source("web", live=LiveMap(), enrich=(EnrichMap("ip", "address", traits=("colour",)),)))
