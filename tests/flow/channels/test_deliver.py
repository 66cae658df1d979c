"""The outbox is emptied: each message once, with a reason for every one that is not sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection, update

from channel_desk import Desk, running
from limner.core.actor import Actor
from limner.core.errors import Broken, Busy, LimnerError, NotFound, Refused
from limner.core.ours import Content, Offer
from limner.flow.channels.base import ChannelKind, Handed, Message, channel_kind
from limner.flow.channels.deliver import deliver
from limner.flow.channels.outbox import Due
from limner.flow.channels.terms import Lent, Verdict, all_may
from limner.flow.channels.twins import GatewayTwin, MailTwin
from limner.store.ledger.tables import leases, outbox


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def _list(desk: Desk) -> None:
    desk.offers["coupon"] = Offer("coupon", name="¥40", content={"list": Content(text="{{ name }}：新款")})
    desk.channel("list", "file", {}, address="member_no")


def test_nothing_due_is_an_empty_answer(desk: Desk) -> None:
    done = desk.deliver()
    assert (done.handed_over, done.waiting, done.next_due_at) == (0, 0, None)
    assert str(done) == "handed over 0"


def test_what_is_due_goes_out_once_and_leaves_a_touch(desk: Desk) -> None:
    with running(MailTwin) as twin:
        desk.channel("mail", "smtp", twin.options, price=Decimal("0.01"))
        keys = desk.queue("mail", 230)
        desk.queue("mail", 5, start=1000, next_try_at=desk.now + timedelta(hours=2))
        done = desk.deliver()
        assert (done.handed_over, done.waiting, done.cost) == (230, 5, Decimal("2.30"))
        assert done.next_due_at == desk.now + timedelta(hours=2)
        assert desk.deliver().handed_over == 0
        assert sorted(key for key, _ in twin.received()) == sorted(keys)
        desk.now += timedelta(hours=3)
        assert desk.deliver().handed_over == 5
    touches = desk.touches()
    assert sorted(t["message_key"] for t in touches) == sorted(row["message_key"] for row in desk.rows())
    assert [t["touch_id"] for t in touches] == list(range(1, 236))
    assert {(t["attempts"], t["is_uncertain"], t["cost"]) for t in touches} == {(1, False, Decimal("0.0100"))}


def test_two_channels_deliver_in_one_run(desk: Desk) -> None:
    with running(MailTwin) as mail, running(GatewayTwin) as gateway:
        desk.channel("mail", "smtp", mail.options)
        desk.channel("sms", "webhook", gateway.options, address="phone", signature="南枝", price=Decimal("0.045"))
        desk.queue("mail", 60)
        desk.queue("sms", 450, start=100)
        done = desk.deliver()
        assert done.by_channel == {"mail": 60, "sms": 450}
        assert len(gateway.received()) == 450


def test_a_refused_address_fails_alone_and_a_busy_one_is_tried_again(desk: Desk) -> None:
    with running(MailTwin) as twin:
        desk.channel("mail", "smtp", twin.options, tries=3)
        desk.queue("mail", 3)
        desk.queue("mail", 1, start=50, address="reject{}@example.com")
        desk.queue("mail", 1, start=60, address="later{}@example.com")
        done = desk.deliver()
        assert (done.handed_over, done.failed, done.retried, done.waiting) == (3, {"rejected": 1}, 1, 1)
        assert done.next_due_at is not None
        assert timedelta(seconds=30) <= done.next_due_at - desk.now <= timedelta(seconds=90)
        for _ in range(2):
            desk.now += timedelta(hours=1)
            done = desk.deliver()
        assert (done.failed, done.waiting) == ({"too_many_tries": 1}, 0)
    reasons = {row["message_key"]: row["reason"] for row in desk.rows() if row["state"] == "failed"}
    assert reasons["key-mail-50"].startswith("rejected: 550")
    assert reasons["key-mail-60"].startswith("too_many_tries: 451")
    assert "@example.com" not in str(reasons)


def test_a_missing_value_an_unknown_address_and_a_late_message_are_released_with_reasons(desk: Desk) -> None:
    with running(MailTwin) as twin:
        desk.channel("mail", "smtp", twin.options)
        desk.queue("mail", 2)
        desk.queue("mail", 1, start=10, parameters='{"name": "NULL"}')
        desk.queue("mail", 1, start=20, latest_at=desk.now - timedelta(seconds=1))
        desk.queue("mail", 1, start=30)
        desk.vault.destroy([30])
        done = desk.deliver()
        assert done.handed_over == 2
        assert done.released == {"expired": 1, "template_value_missing:name": 1, "no_address": 1}
        assert len(twin.received()) == 2


def test_the_gate_is_asked_again_in_the_same_transaction(desk: Desk) -> None:
    asked: list[int] = []

    def gate(connection: Connection, rows: Sequence[Due], now: datetime) -> Mapping[int, Verdict]:
        assert connection.in_transaction()
        asked.extend(row.number for row in rows)
        answers = {}
        for row in rows:
            if row.number % 3 == 0:
                answers[row.decision] = Verdict("consent")
            elif row.number % 3 == 1:
                answers[row.decision] = Verdict(moment=now + timedelta(hours=9))
        return answers

    with running(MailTwin) as twin:
        desk.channel("mail", "smtp", twin.options)
        desk.queue("mail", 9)
        done = desk.deliver(gate)
        assert (done.handed_over, done.released, done.waiting) == (3, {"consent": 3}, 3)
        assert done.next_due_at == desk.now + timedelta(hours=9)
        assert sorted(asked) == list(range(1, 10))
        assert {key for key, _ in twin.received()} == {"key-mail-2", "key-mail-5", "key-mail-8"}


def test_a_server_that_is_down_keeps_everything_queued_and_the_next_run_goes_on(desk: Desk) -> None:
    with running(MailTwin) as twin:
        options = twin.options
    desk.channel("mail", "smtp", options)
    _list(desk)
    desk.offers["coupon"] = Offer("coupon", content={**desk.offers["coupon"].content, "mail": Content("x", "y")})
    desk.queue("mail", 7)
    desk.queue("list", 4, start=100)
    with pytest.raises(Broken, match=r"'mail': the mail server 127\.0\.0\.1:\d+ does not take messages") as caught:
        desk.deliver()
    assert "run this again" in str(caught.value)
    assert desk.states() == {"queued": 7, "handed_over": 4}
    assert {row["tries"] for row in desk.rows() if row["state"] == "queued"} == {0}
    twin.port = int(str(options["port"]))
    with running(lambda: twin):
        assert desk.deliver().handed_over == 7


def test_what_a_dead_process_left_under_way_is_sent_again_and_named(desk: Desk) -> None:
    with running(MailTwin) as twin:
        desk.channel("mail", "smtp", twin.options)
        desk.queue("mail", 6)
        with desk.ledger.write() as connection:
            lost = update(outbox).where(outbox.c.number <= 2).values(state="in_flight", tries=1)
            connection.execute(lost)
            row = {"role": "deliver", "host": "elsewhere", "pid": 1, "words": "Delivery", "fence": 9}
            connection.execute(leases.insert().values(**row, beat_at=desk.now - timedelta(hours=1)))
        done = desk.deliver()
        assert (done.handed_over, done.uncertain) == (6, 2)
        assert sorted(key for key, _ in twin.received()) == [f"key-mail-{n}" for n in range(1, 7)]
    named = {t["message_key"]: (t["attempts"], t["is_uncertain"]) for t in desk.touches()}
    assert [key for key, (tries, doubt) in named.items() if doubt and tries == 2] == ["key-mail-1", "key-mail-2"]


def test_only_one_process_delivers(desk: Desk) -> None:
    _list(desk)
    desk.queue("list", 1)
    with desk.ledger.write() as connection:
        row = {"role": "deliver", "host": "elsewhere", "pid": 1, "words": "Delivery", "fence": 9, "beat_at": desk.now}
        connection.execute(leases.insert().values(**row))
    with pytest.raises(Busy, match="elsewhere"):
        desk.deliver()
    assert desk.states() == {"queued": 1}


def test_two_threads_of_a_process_do_not_deliver_at_once(desk: Desk) -> None:
    said: list[str] = []

    def again(connection: Connection, rows: Sequence[Due], now: datetime) -> Mapping[int, Verdict]:
        with pytest.raises(Busy) as caught:
            desk.deliver()
        said.append(str(caught.value))
        return {}

    _list(desk)
    desk.queue("list", 2)
    assert desk.deliver(again).handed_over == 2
    assert "already delivering" in said[0]
    assert desk.deliver().handed_over == 0


def test_a_delivery_that_lost_its_lease_stops(desk: Desk) -> None:
    def robbed(connection: Connection, rows: Sequence[Due], now: datetime) -> Mapping[int, Verdict]:
        connection.execute(update(leases).values(fence=leases.c.fence + 1))
        return {}

    _list(desk)
    desk.queue("list", 3)
    with pytest.raises(Busy, match="taken over"):
        desk.deliver(robbed)
    assert desk.states() == {"in_flight": 3}
    assert desk.touches() == []


def test_a_channel_that_is_gone_does_not_stop_the_others(desk: Desk) -> None:
    _list(desk)
    desk.queue("list", 3)
    desk.queue("lst", 2, start=50)
    with pytest.raises(NotFound, match="Did you mean 'list'"):
        desk.deliver()
    assert desk.states() == {"handed_over": 3, "queued": 2}


def test_a_plan_can_be_delivered_alone(desk: Desk) -> None:
    _list(desk)
    desk.queue("list", 3, plan_id=1)
    desk.queue("list", 2, start=50, plan_id=2)
    assert desk.deliver(plan_id=2).handed_over == 2
    assert desk.states() == {"queued": 3, "handed_over": 2}


def test_an_actor_with_a_scope_names_a_plan(desk: Desk) -> None:
    lent = Lent(desk.home, str, all_may)
    with pytest.raises(Refused):
        deliver(
            desk.stores,
            desk.definitions,
            who=Actor("branch", scope=frozenset({1})),
            now=lambda: desk.now,
            rng=SimpleNamespace(),  # type: ignore[arg-type]
            lent=lent,
        )


def _kind(name: str, body: object) -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True, slots=True)
    class Options:
        """None."""

    class Kind(ChannelKind[Options]):
        options_type = Options
        batch = 10

        async def deliver(self, batch: Sequence[Message]) -> Sequence[Handed]:
            return body(batch)  # type: ignore[operator,no-any-return]

    Kind.__qualname__ = f"Kind_{name}"
    channel_kind(name)(Kind)


def test_a_kind_that_fails_or_forgets_leaves_its_messages_named(desk: Desk) -> None:
    def fails(batch: Sequence[Message]) -> Sequence[Handed]:
        raise ZeroDivisionError("oops")

    def forgets(batch: Sequence[Message]) -> Sequence[Handed]:
        return [Handed(m.key, "taken") for m in batch[1:]] + [Handed("nobody", "taken")]

    _kind("failing", fails)
    _kind("forgetful", forgets)
    desk.offers["coupon"] = Offer("coupon", content={"failing": Content("a"), "forgetful": Content("a")})
    desk.channel("a", "failing", {})
    desk.channel("b", "forgetful", {})
    desk.queue("a", 15)
    desk.queue("b", 10, start=100)
    with pytest.raises(Broken, match="ZeroDivisionError: oops"):
        desk.deliver()
    doubtful = [row["message_key"] for row in desk.rows() if row["is_uncertain"]]
    assert len(doubtful) == 11  # the batch the kind failed on, and the one it forgot
    assert desk.states() == {"queued": 16, "handed_over": 9}


def test_a_provider_that_asks_to_wait_is_left_alone(desk: Desk) -> None:
    calls: list[int] = []

    def waits(batch: Sequence[Message]) -> Sequence[Handed]:
        calls.append(len(batch))
        return [Handed(m.key, "later", "HTTP 429", timedelta(minutes=40)) for m in batch]

    _kind("waiting", waits)
    desk.offers["coupon"] = Offer("coupon", content={"waiting": Content("a")})
    desk.channel("a", "waiting", {})
    desk.queue("a", 35)
    done = desk.deliver()
    assert (calls, done.waiting, done.next_due_at) == ([10], 35, desk.now)
    assert sum(row["next_try_at"] >= desk.now + timedelta(minutes=40) for row in desk.rows()) == 10


def test_progress_is_told(desk: Desk) -> None:
    told: list[tuple[int, int, str]] = []
    _list(desk)
    desk.queue("list", 30)
    desk.deliver(tell=lambda done, total, words: told.append((done, total, words)))
    assert told[-1] == (30, 30, "list")


def test_an_sms_is_priced_by_segment(desk: Desk) -> None:
    with running(GatewayTwin) as gateway:
        desk.offers["coupon"] = Offer("coupon", content={"sms": Content("【南枝】" + "新" * 70 + "，回T退订")})
        desk.channel("sms", "webhook", gateway.options, address="phone", price=Decimal("0.045"))
        desk.queue("sms", 2)
        assert desk.deliver().cost == Decimal("0.180")
    assert {t["cost"] for t in desk.touches()} == {Decimal("0.09")}
    assert {row["cost"] for row in desk.rows()} == {Decimal("0.09")}


def test_a_wrong_definition_stops_its_channel_with_the_place(desk: Desk) -> None:
    _list(desk)
    desk.channel("sms", "webhook", {"url": "http://127.0.0.1:1/"}, address="phone")
    desk.queue("sms", 2)
    with pytest.raises(LimnerError, match="no words for the channel 'sms'"):
        desk.deliver()
    assert desk.states() == {"queued": 2}
