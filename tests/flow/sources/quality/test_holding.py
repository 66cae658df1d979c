"""A load that breaks a hard check is held whole: seen by nobody, released or dropped as one."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from intake import HEAD, NOW, ORDERS, Intake
from limner.core.actor import Actor
from limner.core.errors import Clash, NotFound
from limner.flow.sources import drop, list_loads, release, withdraw
from limner.store.ledger.consents import fold
from limner.store.ledger.erasures import Masked
from limner.store.ledger.tables import audit

GUARDED = (
    ORDERS
    + """
checks:
  - {check: range, column: 实付, at_least: 0, at_most: 1000, level: hard}
  - {check: volume, at_least: 2}
"""
)
GOOD = HEAD + "A1,13912348678,M1,10,已付款,2026-08-01 10:00\nA2,13912348679,M2,20,已付款,2026-08-02 10:00\n"
BAD = HEAD + "B1,13912348678,M1,99999,已付款,2026-08-03 10:00\nB2,13712345670,M9,30,已付款,2026-08-04 10:00\n"
LATER = NOW + timedelta(hours=1)
BOSS = Actor("boss")

VIEWS = {
    "events": "select e.name, e.happened_at, e.order_id, e.amount, e.source, e.is_history, t.kind, t.hash "
    "from events e left join traces t on t.trace = e.trace order by all",
    "lines": "select l.order_id, l.line, l.item_id, l.quantity, l.amount, t.hash "
    "from lines l left join traces t on t.trace = l.trace order by all",
    "identifiers": "select i.kind, i.hash, w.hash as with_hash, i.happened_at, i.source from identifiers i "
    "left join traces w on w.trace = i.with_trace order by all",
    "traits": "select r.name, r.text, r.number, r.instant, r.happened_at, t.hash from traits r "
    "join traces t on t.trace = r.trace order by all",
    "items": "select item_id, name, category, price, happened_at from items order by all",
    "rejects": "select place, column_name, value, reason, source from rejects order by all",
}


def views(shop):
    """What every reader sees, told by identifier hashes: numbers once given stay used up."""
    return {name: shop.ask(sql) for name, sql in VIEWS.items()}


def only(shop, number):
    return next(load for load in list_loads(shop.stores) if load.load == number)


@pytest.fixture
def shop(tmp_path):
    return Intake(tmp_path, GUARDED)


def test_a_load_within_its_checks_comes_into_sight(shop):
    found = shop.load(shop.put("orders.csv", GOOD))
    assert found.held == ()
    assert found.broken == ()
    assert shop.one("select count(*) from events") == 2
    assert [load.state for load in list_loads(shop.stores)] == ["done"]


def test_a_load_that_breaks_a_hard_check_is_seen_by_nobody(shop):
    shop.load(shop.put("orders1.csv", GOOD))
    before = views(shop)
    found = shop.load(shop.put("orders2.csv", BAD))
    assert found.held == (2,)
    assert [(one.kind, one.subject, one.bad, one.rows) for one in found.broken] == [("range", "实付", 1, 2)]
    assert views(shop) == before
    assert only(shop, 2).state == "held"
    assert only(shop, 2).counts.rows == 2


def test_a_soft_check_reports_and_holds_nothing(shop):
    found = shop.load(shop.put("orders.csv", HEAD + "A1,13912348678,M1,10,已付款,2026-08-01 10:00\n"))
    assert found.held == ()
    assert [(one.kind, one.level, one.verdict) for one in found.broken] == [("volume", "soft", "failed")]
    assert shop.one("select count(*) from events") == 1


def test_the_same_file_again_is_said_to_be_held(shop):
    path = shop.put("orders.csv", BAD)
    shop.load(path)
    again = shop.load(path, now=LATER)
    assert again.held == (1,)
    assert again.unchanged == 1
    assert len(list_loads(shop.stores)) == 1


def test_checks_changed_afterwards_load_nothing_twice(shop):
    path = shop.put("orders.csv", GOOD)
    shop.load(path)
    shop.say(ORDERS)
    assert shop.load(path, now=LATER).unchanged == 1


def test_released_it_is_as_if_it_had_never_been_held(shop, tmp_path):
    shop.load(shop.put("orders1.csv", GOOD), shop.put("orders2.csv", BAD))
    free = Intake(tmp_path / "free", ORDERS)
    free.stores = replace(free.stores, hash_key=shop.stores.hash_key)
    free.load(free.put("orders1.csv", GOOD), free.put("orders2.csv", BAD))
    said = release(shop.stores, 2, why="the shop sold a car", who=BOSS, now=LATER)
    assert (said.rows, said.aside) == (2, 0)
    assert views(shop) == views(free)
    assert only(shop, 2) == replace(only(free, 2), state="done")


def test_dropped_it_is_as_if_it_had_never_come(shop):
    shop.load(shop.put("orders1.csv", GOOD))
    before = views(shop)
    shop.load(shop.put("orders2.csv", BAD))
    said = drop(shop.stores, 2, why="wrong file", who=BOSS, now=LATER)
    assert said.rows > 0
    assert views(shop) == before
    assert only(shop, 2).state == "dropped"


def test_who_and_why_stand_in_the_audit(shop):
    shop.load(shop.put("orders1.csv", BAD), shop.put("orders2.csv", BAD.replace("B", "C")))
    release(shop.stores, 1, why="price is right", who=BOSS, now=LATER)
    drop(shop.stores, 2, why="sent by mistake", who=BOSS, now=LATER)
    with shop.stores.ledger.read() as connection:
        rows = connection.execute(select(audit.c.actor, audit.c.verb, audit.c.body).order_by(audit.c.seq)).all()
    assert [(actor, verb) for actor, verb, _ in rows] == [("boss", "release"), ("boss", "drop")]
    assert "price is right" in rows[0].body
    assert "sent by mistake" in rows[1].body


def test_only_a_held_load_can_be_released_or_dropped(shop):
    shop.load(shop.put("orders.csv", GOOD))
    for verb in (release, drop):
        with pytest.raises(Clash, match="Load 1 of orders.csv is not held: it is done"):
            verb(shop.stores, 1, why="", who=BOSS, now=LATER)
        with pytest.raises(NotFound, match="There is no load 9"):
            verb(shop.stores, 9, why="", who=BOSS, now=LATER)


def test_a_dropped_file_may_come_again(shop):
    path = shop.put("orders.csv", BAD)
    shop.load(path)
    drop(shop.stores, 1, why="", who=BOSS, now=LATER)
    assert shop.load(path, now=LATER).held == (2,)


def test_to_withdraw_a_held_load_is_to_drop_it(shop):
    shop.load(shop.put("orders.csv", BAD))
    withdraw(shop.stores, 1, who=BOSS, now=LATER)
    assert only(shop, 1).state == "dropped"


def test_what_another_load_states_meanwhile_stays_with_that_one(shop, tmp_path):
    shop.load(shop.put("orders1.csv", BAD))
    shop.say(ORDERS.replace("id: orders", "id: crm"))
    shop.load(shop.put("crm.csv", HEAD + "B2,13712345670,M9,30,已付款,2026-08-04 10:00\n"), source="crm")
    assert shop.one("select count(*) from events where order_id = 'B2'") == 1
    said = release(shop.stores, 1, why="", who=BOSS, now=LATER)
    assert (said.rows, said.aside) == (2, 1)
    assert shop.ask("select order_id, source from events order by 1") == [
        {"order_id": "B1", "source": "orders"},
        {"order_id": "B2", "source": "crm"},
    ]
    assert only(shop, 1).counts.to_dict() == {
        "rows": 2, "used": 1, "anonymous": 0, "cancelled": 0, "rejected": {"duplicate order": 1}, "values": {},
    }  # fmt: skip
    withdraw(shop.stores, 2, who=BOSS, now=LATER)
    assert shop.one("select source from events where order_id = 'B2'") == "orders"


def test_an_order_of_a_held_load_comes_from_the_load_that_states_it_too(shop):
    """Both came in one run: the second's order was a duplicate of the first's, which is held."""
    other = HEAD + "B2,13712345670,M9,30,已付款,2026-08-04 10:00\nB3,13712345670,M9,31,已付款,2026-08-04 11:00\n"
    found = shop.load(shop.put("orders1.csv", BAD), shop.put("orders2.csv", other))
    assert found.held == (1,)
    assert shop.ask("select order_id, load from events order by 1") == [
        {"order_id": "B2", "load": 2},
        {"order_id": "B3", "load": 2},
    ]


def test_a_new_mapping_takes_the_place_of_the_old_load_only_when_it_passes(shop):
    path = shop.put("orders.csv", BAD)
    shop.say(ORDERS)
    shop.load(path)
    before = views(shop)
    shop.say(GUARDED.replace("phone: 手机号, ", ""))
    assert shop.load(path, now=LATER).held == (2,)
    assert views(shop) == before
    release(shop.stores, 2, why="", who=BOSS, now=LATER)
    assert [load.state for load in list_loads(shop.stores)] == ["withdrawn", "done"]
    assert shop.one("select count(distinct load) from events") == 1


CONSENTS = """
id: optins
files: [optins*]
identifiers: {phone: 手机号}
consents:
  - {channel: {constant: sms}, granted: 同意, happened_at: 时间}
checks:
  - {check: volume, at_least: 3, level: hard}
"""
SAID = "手机号,同意,时间\n13912348678,是,2026-08-01 10:00\n13912348679,否,2026-08-01 10:00\n"


def state(shop):
    found = fold(shop.stores.ledger, "sms", "marketing", LATER)
    return sorted(zip(found.is_granted.tolist(), found.is_silent.tolist(), strict=True))


def test_grants_of_a_held_load_do_not_count_and_refusals_do(tmp_path):
    shop = Intake(tmp_path, CONSENTS)
    assert shop.load(shop.put("optins.csv", SAID)).held == (1,)
    assert state(shop) == [(False, False)]
    release(shop.stores, 1, why="", who=BOSS, now=LATER)
    assert state(shop) == [(False, False), (True, False)]


def test_refusals_of_a_dropped_load_stay(tmp_path):
    shop = Intake(tmp_path, CONSENTS)
    shop.load(shop.put("optins.csv", SAID))
    assert drop(shop.stores, 1, why="", who=BOSS, now=LATER).grants == 1
    assert state(shop) == [(False, False)]


def test_an_erasure_reaches_what_is_held(shop):
    shop.load(shop.put("orders.csv", BAD))
    traces = [row["trace"] for row in shop.ask("select trace from traces")]
    shop.stores.lake.erase(Masked(tuple(traces)))
    release(shop.stores, 1, why="", who=BOSS, now=LATER)
    assert shop.ask("select * from identifiers") == []
    assert shop.ask("select * from events where trace is not null") == []


def test_the_order_and_the_batches_of_rows_change_no_result(shop, tmp_path, monkeypatch):
    lines = [f"X{n},139{n + 12340000},M{n},{n * 40 % 1500},已付款,2026-08-01 10:{n % 60:02}" for n in range(40)]
    first = Intake(tmp_path / "a", GUARDED)
    one = first.load(first.put("orders.csv", HEAD + "\n".join(lines) + "\n"))
    monkeypatch.setattr("limner.flow.sources.base.CHUNK_ROWS", 7)
    second = Intake(tmp_path / "b", GUARDED)
    two = second.load(second.put("orders.csv", HEAD + "\n".join(reversed(lines)) + "\n"))
    assert one.held == two.held == (1,)
    assert one.broken == two.broken


@pytest.mark.parametrize("place", ["judge_loads", "shift"])
@pytest.mark.parametrize("content", [GOOD, BAD])
def test_cut_off_before_the_verdict_nothing_is_seen_and_the_next_run_goes_on(shop, monkeypatch, place, content):
    path = shop.put("orders.csv", content)

    def cut_off(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sys.modules["limner.flow.sources.collect"], place, cut_off)
        with pytest.raises(KeyboardInterrupt):
            shop.load(path)
    assert shop.ask("select * from events") == []
    assert only(shop, 1).state == "running"
    found = shop.load(path, now=LATER)
    assert found.held == ((1,) if content is BAD else ())
    assert shop.one("select count(*) from events") == (0 if content is BAD else 2)
    assert len(list_loads(shop.stores)) == 1
