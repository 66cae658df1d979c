"""Days of live sources under their checks: out of sight when one breaks, back when somebody says so, and no event lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from limner.core.actor import OWNER
from limner.core.errors import BadDefinition
from limner.flow.sources import drop, release
from limner.flow.sources.definition import LiveMap, Source
from limner.flow.sources.live.settling import hidden_days, settle_days
from limner.flow.sources.live.source import check_live
from limner.flow.sources.loads import list_loads
from limner.flow.sources.quality.alerts import read_alerts
from limner.flow.sources.quality.declared import CheckRule
from limner.flow.sources.quality.results import results_of
from live_shop import NOW, Live

HARD = """
id: web
live: {}
checks:
  - {check: range, column: amount, at_least: 0, at_most: 1000, level: hard}
  - {check: null_share, column: order_id, at_most: 0.5}
  - {check: freshness, within: 2h}
"""
DAY = timedelta(days=1)


@pytest.fixture
def live(tmp_path):
    return Live(tmp_path, HARD)


def bought(turn, amount, at=NOW, name="Order Completed"):
    properties = {"order_id": f"O{turn}", "amount": str(amount)}
    return {"name": name, "id": f"m{turn}", "at": at.isoformat(), "user": f"u{turn % 3}", "properties": properties}


def events(live):
    return live.one("SELECT count(*) FROM events")


def verdicts(live, load):
    return {(one.kind, one.subject): one.verdict for one in results_of(live.stores.ledger, [load])[load]}


def states(live):
    return [load.state for load in list_loads(live.stores)]


def test_a_day_that_passes_is_in_sight_with_its_results(live):
    live.send(bought(1, 10), bought(2, 20))
    assert live.take().held == ()
    assert (states(live), events(live)) == (["done"], 2)
    assert verdicts(live, 1) == {
        ("range", "amount"): "passed", ("null_share", "order_id"): "passed", ("freshness", "heard"): "passed"
    }  # fmt: skip
    live.send(bought(3, 30))
    live.take(NOW + timedelta(minutes=2))
    assert events(live) == 3
    assert len(verdicts(live, 1)) == 3  # said anew, not once more


def test_a_broken_hard_check_takes_the_day_out_of_sight_and_what_follows_goes_there_too(live):
    live.send(bought(1, 10))
    live.take()
    live.send(bought(2, 5000))
    assert live.take().held == (1,)
    assert (states(live), events(live)) == (["held"], 0)
    assert {one.kind for one in read_alerts(live.stores.ledger)} == {"range", "held"}
    live.send(bought(3, 30), bought(1, 10))
    live.afresh()  # another process knows the hidden messages again
    done = live.take()
    assert (done.held, done.counts.rejected, events(live)) == ((1,), {"duplicate event": 1}, 0)
    found = release(live.stores, 1, why="a real sale", who=OWNER, now=NOW)
    assert (found.rows, events(live), states(live)) == (4, 3, ["done"])
    live.send(bought(4, 9000))
    live.take(NOW + timedelta(minutes=5))
    assert (events(live), states(live)) == (4, ["done"])  # it is not held again
    assert verdicts(live, 1)["range", "amount"] == "failed"


def test_a_first_drain_that_breaks_is_never_seen(live):
    live.send(bought(1, 5000))
    assert live.take().held == (1,)
    assert events(live) == 0
    assert hidden_days(live.stores, "web") == (1,)


def test_a_dropped_day_goes_and_the_rest_of_it_is_a_load_of_its_own(live):
    live.send(bought(1, 5000))
    live.take()
    drop(live.stores, 1, why="a test", who=OWNER, now=NOW)
    live.send(bought(2, 20))
    assert live.take().held == ()
    assert (states(live), events(live)) == (["dropped", "done"], 1)


def test_grants_of_a_held_day_do_not_count_until_it_is_released(live):
    live.send({"type": "consent", "id": "c1", "user": "u1", "channel": "sms", "granted": True, "at": NOW.isoformat()})
    live.send(bought(1, 5000))
    live.take()
    from limner.store.ledger.consents import read_said

    assert read_said(live.stores.ledger, "sms", "marketing").trace.size == 0
    release(live.stores, 1, why="right", who=OWNER, now=NOW)
    assert read_said(live.stores.ledger, "sms", "marketing").trace.size == 1


def test_an_order_of_a_day_that_is_held_comes_from_who_states_it_too(tmp_path):
    live = Live(tmp_path, HARD, "id: app\nlive: {}\n")
    live.send(bought(1, 10))
    live.take()
    live.send({**bought(1, 10), "id": "other"}, source="app")
    assert live.take().counts.rejected == {"duplicate order": 1}
    live.send(bought(2, 5000))
    live.take()
    assert live.ask("SELECT source, order_id FROM events") == [{"source": "app", "order_id": "O1"}]
    release(live.stores, 1, why="right", who=OWNER, now=NOW)
    assert sorted(row["order_id"] for row in live.ask("SELECT order_id FROM events")) == ["O1", "O2"]


def test_few_rows_break_no_share_and_lower_ends_wait_for_the_end_of_the_day(tmp_path):
    live = Live(
        tmp_path,
        "id: web\nlive: {}\nchecks:\n  - {check: null_share, column: item_id, at_most: 0.1, level: hard}\n"
        "  - {check: volume, at_least: 3, level: hard}\n",
    )
    live.send(bought(1, 10))
    live.take()
    assert (events(live), verdicts(live, 1)) == (1, {("null_share", "item_id"): "unknown"})
    settle_days(live.stores, live.definitions, who=OWNER, now=NOW)
    assert states(live) == ["done"]  # the day is not over
    (found,) = settle_days(live.stores, live.definitions, who=OWNER, now=NOW + DAY)
    assert {one.kind for one in found.broken} == {"null_share", "volume"}
    assert (states(live), events(live)) == (["held"], 0)
    assert settle_days(live.stores, live.definitions, who=OWNER, now=NOW + DAY) == ()


def test_late_rows_have_a_day_judged_once_more(live):
    live.send(bought(1, 10))
    live.take()
    assert len(settle_days(live.stores, live.definitions, who=OWNER, now=NOW + DAY)) == 1
    live.send(bought(2, 20))  # came yesterday, is drained today
    live.take(NOW + DAY)
    assert len(settle_days(live.stores, live.definitions, who=OWNER, now=NOW + DAY)) == 1
    assert settle_days(live.stores, live.definitions, who=OWNER, now=NOW + 9 * DAY) == ()


def test_days_are_held_against_the_days_before(live):
    for turn in range(7):
        at = NOW + turn * DAY
        several = 40 if turn < 6 else 2
        live.send(*(bought(1000 * turn + n, 10, at) for n in range(several)), at=at)
        live.take(at)
        live.afresh()
        settle_days(live.stores, live.definitions, who=OWNER, now=at + DAY)
    last = list_loads(live.stores)[-1]
    found = {one.kind: one for one in results_of(live.stores.ledger, [last.load])[last.load] if one.origin == "learnt"}
    assert (found["volume"].verdict, found["volume"].value) == ("failed", "2")
    assert "freshness" not in found


def test_silence_is_an_alert_until_something_comes(live):
    live.send(bought(1, 10))
    live.take()
    settle_days(live.stores, live.definitions, who=OWNER, now=NOW + timedelta(hours=1))
    assert read_alerts(live.stores.ledger) == ()
    settle_days(live.stores, live.definitions, who=OWNER, now=NOW + timedelta(hours=3))
    (alert,) = read_alerts(live.stores.ledger)
    assert (alert.kind, alert.source, alert.level) == ("freshness", "web", "soft")
    live.send(bought(2, 10), at=NOW + timedelta(hours=3))
    live.take(NOW + timedelta(hours=3))
    assert read_alerts(live.stores.ledger) == ()


def test_a_check_of_a_trait_nobody_gave_a_type(tmp_path):
    live = Live(
        tmp_path,
        "id: web\nlive: {}\nchecks:\n  - {check: range, column: traits.age, at_most: 120, level: hard}\n"
        "  - {check: accepted, column: traits.level, values: [gold, '3'], level: hard}\n",
    )
    live.send({"user": "u1", "traits": {"age": 30, "level": "gold"}}, {"user": "u2", "traits": {"level": 3}})
    live.take()
    assert set(verdicts(live, 1).values()) == {"passed"}
    live.send({"user": "u3", "traits": {"age": 300}})
    assert live.take(NOW + timedelta(minutes=2)).held == (1,)


def test_a_cut_off_judging_is_done_again(live, monkeypatch):
    from limner.flow.sources.live import drain as draining

    live.send(bought(1, 10))
    monkeypatch.setattr(draining, "hear", lambda *given, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        live.take()
    assert (states(live), events(live)) == (["running"], 0)
    monkeypatch.undo()
    live.afresh()
    live.take()
    assert (states(live), events(live)) == (["done"], 1)


def test_freshness_of_a_live_source_is_silence():
    rule = CheckRule("freshness", column="amount", within=timedelta(hours=1))
    with pytest.raises(BadDefinition, match="how long nothing has come"):
        check_live(Source("web", live=LiveMap(), checks=(rule,)))
