"""What is learnt from the loads before, and how a file's shape may drift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake import HEAD, NOW, ORDERS, Intake
from limner.core.actor import OWNER
from limner.flow.sources import list_loads, release
from limner.flow.sources.quality.alerts import read_alerts
from limner.flow.sources.quality.learnt import distance, rhythm, stability
from limner.flow.sources.quality.results import results_of
from limner.flow.sources.quality.shape import ColumnShape, Shape, drifts

ZONE = ZoneInfo("Asia/Shanghai")


def day_of(day, rows=60, amount=lambda n: 10 + n % 50):
    """A day's orders: as many every day, alike."""
    lines = [
        f"D{day}-{n},{13912340000 + n * 7},M{n},{amount(n)},已付款,2026-08-{day:02} {8 + n % 12:02}:00"
        for n in range(rows)
    ]
    return HEAD + "\n".join(lines) + "\n"


def shop_of(folder, days=8, text=ORDERS):
    shop = Intake(folder, text)
    for day in range(1, days + 1):
        shop.load(shop.put(f"orders{day}.csv", day_of(day)), now=NOW + timedelta(days=day))
    return shop


def broken(shop, load):
    return {
        (one.origin, one.kind, one.subject): (one.value, one.bound)
        for one in results_of(shop.stores.ledger, [load])[load]
        if one.verdict == "failed"
    }


def test_loads_alike_break_nothing_that_was_learnt(tmp_path):
    shop = shop_of(tmp_path)
    assert all(not broken(shop, load.load) for load in list_loads(shop.stores))
    assert read_alerts(shop.stores.ledger) == ()
    said = {(one.kind, one.subject) for one in results_of(shop.stores.ledger, [8])[8]}
    assert {("volume", "rows"), ("null_share", "events.amount"), ("distribution", "events.amount")} <= said


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (day_of(9, rows=10), ("learnt", "volume", "rows")),
        (day_of(9, amount=lambda n: 10_000 + n), ("learnt", "distribution", "events.amount")),
    ],
)
def test_what_is_out_of_the_usual_is_reported_and_not_held(tmp_path, content, expected):
    shop = shop_of(tmp_path)
    found = shop.load(shop.put("orders9.csv", content), now=NOW + timedelta(days=9))
    assert found.held == ()
    assert expected in broken(shop, 9)
    assert expected[1] in {alert.kind for alert in read_alerts(shop.stores.ledger)}


def test_an_alert_is_over_when_the_next_load_is_as_usual(tmp_path):
    shop = shop_of(tmp_path)
    for day in (9, 10):
        shop.load(shop.put(f"orders{day}.csv", day_of(day, rows=10)), now=NOW + timedelta(days=day))
    (alert,) = [one for one in read_alerts(shop.stores.ledger) if one.kind == "volume"]
    assert (alert.times, alert.load) == (2, 10)
    shop.load(shop.put("orders11.csv", day_of(11)), now=NOW + timedelta(days=11))
    assert [one for one in read_alerts(shop.stores.ledger) if one.kind == "volume"] == []
    (over,) = [one for one in read_alerts(shop.stores.ledger, everything=True) if one.kind == "volume"]
    assert over.closed_at == NOW + timedelta(days=11)


def test_a_learnt_check_can_be_made_to_hold(tmp_path):
    checks = "checks: [{check: distribution, column: 实付, learnt: true, level: hard}]\n"
    shop = shop_of(tmp_path, text=ORDERS + checks)
    found = shop.load(shop.put("orders9.csv", day_of(9, amount=lambda n: 10_000 + n)), now=NOW + timedelta(days=9))
    assert found.held == (9,)
    assert ("declared", "distribution", "实付") in broken(shop, 9)


def test_a_check_whose_bound_is_learnt_says_unknown_at_first(tmp_path):
    checks = "checks: [{check: volume, learnt: true, level: hard}]\n"
    shop = shop_of(tmp_path, days=1, text=ORDERS + checks)
    (result,) = [one for one in results_of(shop.stores.ledger, [1])[1] if one.origin == "declared"]
    assert result.verdict == "unknown"


# ------------------------------------------------------------------------------------------------ drift


def test_a_new_column_is_reported(tmp_path):
    shop = Intake(tmp_path, ORDERS)
    shop.load(shop.put("orders1.csv", day_of(1)))
    head, *rows = day_of(2).splitlines()
    wider = "\n".join([head + ",备注", *(f"{row},好" for row in rows)]) + "\n"
    found = shop.load(shop.put("orders2.csv", wider), now=NOW + timedelta(days=1))
    assert found.held == ()
    assert [(one.kind, one.subject, one.level) for one in found.broken] == [("column_new", "备注", "soft")]


def test_a_mapped_column_of_another_type_holds_the_load_until_it_is_released(tmp_path):
    shop = Intake(tmp_path, ORDERS)
    shop.load(shop.put("orders1.csv", day_of(1)))
    before = shop.ask("select * from events order by order_id")
    words = day_of(2, amount=lambda n: "免单")
    found = shop.load(shop.put("orders2.csv", words), now=NOW + timedelta(days=1))
    assert found.held == (2,)
    assert [(one.kind, one.subject, one.value, one.bound) for one in found.broken] == [
        ("type_changed", "实付", "text", "number")
    ]
    assert shop.ask("select * from events order by order_id") == before
    release(shop.stores, 2, why="free day", who=OWNER, now=NOW + timedelta(days=2))


def test_the_source_says_whether_drift_holds(tmp_path):
    for policy, held in (("report", ()), ("hold", (2,))):
        shop = Intake(tmp_path / policy, ORDERS + f"drift: {policy}\n")
        shop.load(shop.put("orders1.csv", day_of(1)))
        content = day_of(2, amount=lambda n: "免单") if policy == "report" else day_of(2).replace("状态", "状态", 1)
        if policy == "hold":
            content = content.encode("gb18030")
        assert shop.load(shop.put("orders2.csv", content), now=NOW + timedelta(days=1)).held == held


N, T = ColumnShape("number"), ColumnShape("text")
Z, L = ColumnShape("instant", is_zoned=True), ColumnShape("instant")


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ({"a": N}, {"a": N}, []),
        ({"a": N}, {"a": ColumnShape("")}, []),
        ({"a": N}, {"a": T}, [("type_changed", "a", True)]),
        ({"a": Z}, {"a": L}, [("zone_lost", "a", True)]),
        ({"a": L}, {"a": Z}, []),
        ({"a": N}, {"a": ColumnShape("number", is_float=True)}, [("floats", "a", False)]),
        ({"a": N, "b": T}, {"a": N}, [("column_missing", "b", False)]),
        ({"a": N}, {"a": N, "备注": T}, [("column_new", "备注", False)]),
        ({"a": N, "手机号": T}, {"a": N, "手机号码": T}, [("column_renamed", "手机号", False)]),
    ],
)
def test_a_shape_is_held_against_those_before(was, now, expected):
    found = [(one.kind, one.subject, one.is_grave) for one in drifts(Shape(now), [Shape(was)], {"a"})]
    assert found == expected


def test_another_encoding_is_a_drift():
    (found,) = drifts(Shape({"a": N}, "gb18030"), [Shape({"a": N}, "utf-8")], {"a"})
    assert (found.kind, found.was, found.found) == ("encoding", "utf-8", "gb18030")


# ------------------------------------------------------------------------------------------------ mathematics

COUNTS = st.dictionaries(st.integers(1, 30).map(str), st.integers(1, 5_000), min_size=1)


@given(COUNTS, COUNTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_indices_are_symmetric_and_nought_for_the_same(one, other):
    assert stability(one, one) == distance(one, one) == 0
    assert stability(one, other) == pytest.approx(stability(other, one))
    assert 0 <= distance(one, other) == pytest.approx(distance(other, one))
    assert distance(one, other) <= 1


def test_a_source_that_rests_on_sundays_is_not_late_on_one():
    first = datetime(2026, 6, 1, 1, tzinfo=UTC)  # a Monday
    moments = [first + timedelta(days=day) for day in range(41) if (first + timedelta(days=day)).weekday() != 6]
    found = rhythm(moments, ZONE)
    assert found is not None
    assert moments[-1].weekday() == 5
    assert not found.is_late(moments[-1] + timedelta(days=2))
    assert found.is_late(moments[-1] + timedelta(days=4))
    assert rhythm(moments[:3], ZONE) is None
