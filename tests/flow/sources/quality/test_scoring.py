"""Scores with their counts, suggestions that hold, devices too fast for a person, sources that are late."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import yaml

from flow.sources.quality.test_learnt import ZONE, day_of, shop_of
from intake import HEAD, NOW, ORDERS, Intake
from limner.core.definition import read
from limner.core.errors import NotFound
from limner.flow.sources import list_loads
from limner.flow.sources.check import bots
from limner.flow.sources.definition import Source
from limner.flow.sources.quality.judging import judged
from limner.flow.sources.quality.scoring import Dimension, late_sources, score_of, source_quality, trait_quality
from limner.flow.sources.quality.suggested import suggested

MEMBERS = """
id: members
identifiers: {member_no: 会员号}
traits: {city: 城市, age: {column: 年龄, type: number}}
traits_at: 时间
"""


def test_every_dimension_has_its_counts(tmp_path):
    shop = Intake(tmp_path, ORDERS)
    lines = [
        "A1,13912348678,M1,10,已付款,2026-08-01 10:00",
        "A1,13912348678,M1,10,已付款,2026-08-01 10:00",
        "A2,13912348679,M2,乱,已付款,2026-08-01 10:00",
        "A3,13912348670,M3,5,已付款,2026-08-02 10:00",
    ]
    shop.load(shop.put("orders.csv", HEAD + "\n".join(lines) + "\n"))
    found = source_quality(shop.stores, "orders", list_loads(shop.stores), NOW)
    assert found.dimensions["validity"] == Dimension(3, 4)
    assert found.dimensions["uniqueness"] == Dimension(3, 4)
    assert found.dimensions["freshness"].share is None
    assert found.score == score_of(found.dimensions)
    assert source_quality(shop.stores, "never", list_loads(shop.stores), NOW).score is None


def test_a_trait_says_who_has_it_and_where_sources_differ(tmp_path):
    shop = Intake(tmp_path, MEMBERS, MEMBERS.replace("id: members", "id: crm"))
    shop.load(
        shop.put("a.csv", "会员号,城市,年龄,时间\nM1,上海,30,2026-08-01\nM2,北京,几岁,2026-08-01\nM3,,,2026-08-01\n"),
        source="members",
    )
    shop.load(shop.put("b.csv", "会员号,城市,年龄,时间\nM1,上海,,2026-08-02\nM2,天津,,2026-08-02\n"), source="crm")
    found = {one.trait: one for one in trait_quality(shop.stores, shop.definitions)}
    assert found["city"].people == 2
    assert found["city"].dimensions["completeness"] == Dimension(2, 3)
    assert found["city"].dimensions["consistency"] == Dimension(1, 2)
    assert found["age"].dimensions["validity"] == Dimension(1, 2)


def test_what_is_suggested_holds_for_what_it_was_learnt_from(tmp_path):
    shop = shop_of(tmp_path)
    source = shop.definitions.of(Source)["orders"]
    found = suggested(shop.stores, source)
    assert {"volume", "rejects", "null_share", "range", "accepted"} <= {one.check["check"] for one in found.checks}
    body = yaml.safe_load(found.to_yaml())
    held_to = read(Source, {**yaml.safe_load(ORDERS), **body}, "sources/orders.yaml")
    for load in list_loads(shop.stores):
        failed = [one for one in judged(shop.stores, held_to, load, NOW) if one.verdict == "failed"]
        assert failed == []


def test_nothing_is_suggested_from_nothing(tmp_path):
    shop = Intake(tmp_path, ORDERS)
    with pytest.raises(NotFound, match="has no load in sight to learn from"):
        suggested(shop.stores, shop.definitions.of(Source)["orders"])


def test_a_device_too_fast_for_a_person_is_named_and_kept(tmp_path):
    clicks = """
id: clicks
identifiers: {device_id: 设备}
events: [{name: {constant: Product Viewed}, happened_at: 时间}]
"""
    shop = Intake(tmp_path, clicks)
    robot = [f"dev0001,2026-08-01 10:00:{n % 60:02}" for n in range(90)]
    person = [f"dev0002,2026-08-01 {n % 24:02}:00:00" for n in range(90)]
    shop.load(shop.put("clicks.csv", "设备,时间\n" + "\n".join([*robot, *person]) + "\n"))
    (found,) = bots(shop.stores)
    assert (found.subject, found.count, found.of, found.values["fastest"]) == ("clicks", 1, 90, 90)
    assert shop.one("select count(*) from events") == 180


def test_a_source_is_late_when_its_day_has_passed(tmp_path):
    shop = shop_of(tmp_path)
    last = list_loads(shop.stores)[-1].started_at
    assert late_sources(shop.stores, last + timedelta(days=1)) == {}
    (late,) = late_sources(shop.stores, last + timedelta(days=3)).items()
    assert (late[0], late[1].usual) == ("orders", timedelta(days=1))
    found = source_quality(shop.stores, "orders", list_loads(shop.stores), last + timedelta(days=3))
    assert found.is_late
    assert found.dimensions["freshness"] == Dimension(36, 72)
    assert ZONE is not None
    assert Decimal(found.rows) == 8 * 60
    assert day_of(1).startswith("订单号")
