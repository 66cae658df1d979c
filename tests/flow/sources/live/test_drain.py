"""The drain: every message once, whatever is resent, late, out of order, cut off or nonsense."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from itertools import count

import pytest

from brokers import Brokers
from limner.core.actor import OWNER
from limner.core.errors import Full
from limner.flow.sources.live.drain import Drain
from limner.flow.sources.live.tail import tail_of
from limner.flow.sources.loads import list_loads
from limner.store.lake.writing import NO_ROOM
from limner.store.ledger.tables import drains
from live_shop import NOW, Live


@pytest.fixture(autouse=True)
def _same_keys(monkeypatch):
    """Two shops of a test hash alike, so that what they know can be compared."""
    monkeypatch.setattr("secrets.token_hex", lambda size: "ab" * size)


@pytest.fixture(scope="module")
def brokers():
    found = Brokers()
    yield found
    found.close()


@pytest.fixture(autouse=True, params=["files", "topic"])
def kind(request, monkeypatch):
    """Every test runs over both kinds of stream; each shop has a topic of its own."""
    if request.param == "topic":
        brokers, turns = request.getfixturevalue("brokers"), count()

        def place():
            topic = f"t{abs(hash(request.node.nodeid)) % 10**9}-{next(turns)}"
            brokers.make(topic, 3)
            return f"kafka://{brokers.servers}/{topic}"

        monkeypatch.setattr(Live, "place", staticmethod(place))
    return request.param


@pytest.fixture
def live(tmp_path, kind):
    shop = Live(tmp_path)
    yield shop
    shop.writer.close()
    shop.drain.close()
    shop.stores.close()


def event(turn, user="u1", **more):
    stamp = (NOW - timedelta(minutes=turn)).isoformat()
    return {"name": "Wheel Spun", "id": f"m{turn}", "at": stamp, "user": user, "properties": {"turn": turn}, **more}


def test_a_message_sent_again_is_known_again(live):
    live.send(event(1), event(2), event(1))
    live.send(event(2))
    assert live.take().counts.rejected == {"duplicate event": 2}
    live.send(event(1), event(3))
    assert live.take().counts.rejected == {"duplicate event": 1}
    live.afresh()
    live.send(event(1), event(3), event(4))
    assert live.take().counts.rejected == {"duplicate event": 2}
    live.afresh()
    live.send(event(1), event(4), at=NOW + timedelta(hours=30))
    assert live.take(NOW + timedelta(hours=30)).counts.rejected == {"duplicate event": 2}
    assert live.one("SELECT count(*) FROM events") == 4


def test_messages_without_an_id_are_told_apart_by_their_content_where_that_is_asked(tmp_path):
    plain = Live(tmp_path / "plain")
    content = Live(tmp_path / "content", "id: web\nlive: {repeats: content}\n")
    for live in (plain, content):
        live.send({**event(1), "id": None}, {**event(1), "id": None}, {**event(2), "id": None})
        live.take()
    assert plain.one("SELECT count(*) FROM events") == 3
    assert content.one("SELECT count(*) FROM events") == 2


def test_every_row_adds_up(live):
    live.send(event(1), {"name": ""}, {"type": "profile", "traits": {"a": 1}}, 7, {"name": "No One Did"}, event(2))
    live.send(b"junk")
    counts = live.take().counts
    assert counts.rows == 7
    assert counts.rows == counts.used + counts.anonymous + counts.cancelled + sum(counts.rejected.values())
    assert counts.rejected == {"no identifier": 2, "not JSON": 1, "not an object": 1}
    assert counts.anonymous == 1


def messages(seed):
    rng = random.Random(seed)
    found = [event(turn, user=f"u{rng.randrange(4)}", anonymous=f"a{rng.randrange(6)}") for turn in range(40)]
    for turn in range(6):
        lines = [{"item_id": f"P{n}", "price": "5.5", "quantity": n + 1} for n in range(rng.randrange(1, 4))]
        order = {"order_id": f"O{turn}", "amount": "19.90", "coupon": "新人"}
        stamp = (NOW - timedelta(hours=turn)).isoformat()
        found.append(
            {"name": "支付订单", "id": f"o{turn}", "at": stamp, "user": "u1", "properties": order, "lines": lines}
        )
        found.append(
            {"user": f"u{turn % 4}", "at": stamp, "traits": {"level": turn, "city": "上海", "phone": "13812349876"}}
        )
    return found


def some(many, *quick):
    """Numbers up to `many`; those that are not named here are for the long run."""
    return [n if n in quick else pytest.param(n, marks=pytest.mark.slow) for n in range(many)]


@pytest.mark.parametrize("seed", some(4, 0))
def test_order_and_repeats_and_batches_change_nothing(tmp_path, seed):
    rng = random.Random(seed)
    sorted_live, shuffled = Live(tmp_path / "sorted"), Live(tmp_path / "shuffled")
    said = messages(seed)
    sorted_live.send(*said)
    sorted_live.take()
    again = [one for one in said if "id" in one]
    mixed = said + rng.sample(again, 20)
    rng.shuffle(mixed)
    while mixed:
        part, mixed = mixed[: rng.randrange(1, 15)], mixed[15:] if len(mixed) > 15 else []
        shuffled.send(*part)
        if rng.random() < 0.4:
            shuffled.take()
        if rng.random() < 0.3:
            shuffled.take()
            shuffled.afresh()
    shuffled.send(*said)
    shuffled.take()
    first, second = sorted_live.facts(), shuffled.facts()
    assert second[:3] == first[:3]
    assert {str(row) for row in second[3]} == {str(row) for row in first[3]}


@pytest.mark.parametrize("at", some(12, 1, 5, 9))
def test_a_drain_cut_off_anywhere_is_done_again(tmp_path, monkeypatch, at):
    """Whatever write it is that fails: nothing is lost, nothing doubled."""
    live, whole = Live(tmp_path / "cut"), Live(tmp_path / "whole")
    for shop in (live, whole):
        shop.send(*messages(1))
        shop.send(
            {"type": "consent", "id": "c1", "user": "u1", "channel": "sms", "granted": True, "at": NOW.isoformat()}
        )
    whole.take()
    calls = 0
    lake = type(live.stores.lake)
    real = lake.append_many

    def failing(self, *args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == at + 1:
            raise Full(NO_ROOM, place="lake", why="test")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(lake, "append_many", failing)
    try:
        live.take()
    except Full:
        live.afresh()
    monkeypatch.setattr(lake, "append_many", real)
    live.take()
    assert live.facts() == whole.facts()
    with live.stores.ledger.read() as connection:
        assert connection.execute(drains.select()).all() == []
    live.send(*messages(1))
    assert live.take().counts.used == whole_again(whole)
    assert live.one("SELECT count(*) FROM events") == whole.one("SELECT count(*) FROM events")


def whole_again(whole):
    whole.send(*messages(1))
    return whole.take().counts.used


def test_a_day_late_is_history(live):
    live.send(event(1), {**event(2), "at": (NOW - timedelta(hours=25)).isoformat()})
    live.take()
    assert live.ask("SELECT is_history FROM events ORDER BY happened_at DESC") == [
        {"is_history": False},
        {"is_history": True},
    ]


def test_awkward_values(live, kind):
    size = 10_000_000 if kind == "files" else 900_000
    deep: object = 1
    for _ in range(100):
        deep = {"a": deep}
    live.send(
        event(1, properties={"big": "x" * size}),
        event(2, properties={"deep": deep}),
        event(3, properties={"nul": "a\x00b", "zero": -0.0, "face": "😀", "full": "１３８"}),
        event(4, at="1970-01-01T00:00:00Z"),
        event(5, at="2099-01-01T00:00:00Z"),
        event(6, user="1.38E+10", identifiers={"phone": "1.38E+10"}),
        event(7, identifiers={"phone": "13800138000"}),
    )
    counts = live.take().counts
    assert (counts.used, counts.anonymous, counts.rejected) == (6, 1, {})
    assert counts.values["properties larger than may be"] == 1
    assert counts.values["properties nested too deeply"] == 1
    assert counts.values["clock wrong: the moment of arrival is taken"] == 2
    assert counts.values["phone destroyed by a spreadsheet"] == 1
    assert counts.values["placeholder phone"] == 1
    extra = json.loads(live.one("SELECT extra FROM events WHERE extra LIKE '%zero%'"))
    assert extra == {"nul": "ab", "zero": 0, "face": "😀", "full": "１３８"} or extra["nul"] in ("ab", "a\x00b")


def test_names_of_clients_do_not_become_messages_of_ours(live):
    names = ("clicked", "open", "sent", "purchase", "浏览商品")
    live.send(*({"name": name, "user": "u1", "properties": {"amount": 5}} for name in names))
    live.take()
    assert {row["name"] for row in live.ask("SELECT name FROM events")} == {
        "clicked", "open", "sent", "Order Completed", "Product Viewed",
    }  # fmt: skip


def test_the_tail_shows_what_came_and_masks_addresses(live):
    live.send(event(1, identifiers={"phone": "13812349876"}, properties={"tel": "13812349876"}))
    live.send(b"junk 13812349876", at=NOW + timedelta(seconds=1))
    found = tail_of(live.stores, live.definitions, "", limit=10, rejects=False)
    assert [one.kind for one in found] == ["event", "bad"]
    assert "13812349876" not in str(found)
    assert [one.reason for one in tail_of(live.stores, live.definitions, "web", limit=10, rejects=True)] == ["not JSON"]


def test_consents_come_in_once(live):
    yes = {
        "type": "consent",
        "id": "c1",
        "user": "u1",
        "channel": "sms",
        "granted": True,
        "proof": "页面勾选",
        "uses": 1,
    }
    live.send(yes, yes)
    live.take()
    live.afresh()
    live.send(yes)
    live.take()
    with live.stores.ledger.read() as connection:
        from limner.store.ledger.tables import consents

        rows = connection.execute(consents.select()).mappings().all()
    assert [(row["channel"], row["purpose"], row["is_granted"], row["uses"]) for row in rows] == [
        ("sms", "marketing", True, 1)
    ]


def test_one_who_was_erased_does_not_come_in_again(live):
    """What was acknowledged before an erasure and comes in after it is refused, in the drain that goes on too."""
    from limner.core.ids import identifier_hash
    from limner.store.ledger.erasures import buried
    from limner.store.ledger.tables import tombstones

    live.send(event(1))
    live.take()
    live.send(event(2))
    mark = buried(identifier_hash(live.stores.hash_key, "user_id", "u1"))
    with live.stores.ledger.write() as connection:
        connection.execute(tombstones.insert().values(kind="user_id", hash=mark, happened_at=NOW))
    assert live.take().counts.rejected == {"erased on request": 1}
    live.stores.stream.sweep(before=float("inf"))
    assert tail_of(live.stores, live.definitions, "", limit=10, rejects=False) == ()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("files: [a.csv]", "files has nothing to read"),
        ("live: {fields: {单号: ordre_id}}", "Did you mean 'order_id'"),
    ],
)
def test_a_live_source_reads_no_files(more, said):
    import yaml

    from limner.core.definition import read
    from limner.core.errors import BadDefinition
    from limner.flow.sources.definition import Source
    from limner.flow.sources.live.source import check_live

    text = yaml.safe_load(f"id: web\nlive: {{}}\n{more}\n")
    with pytest.raises(BadDefinition, match=said):
        check_live(read(Source, text, "sources/web.yaml"))


def test_a_drain_killed_before_the_stream_heard_of_it_doubles_nothing(live, monkeypatch):
    """What is sent without an id cannot be known again: only what the ledger notes keeps it from coming in twice."""
    real = type(live.stores.stream).drained

    def killed(self, segments):
        raise KeyboardInterrupt

    live.send({**event(1), "id": None})
    live.writer.close_segment()
    live.send({**event(2), "id": None})
    monkeypatch.setattr(type(live.stores.stream), "drained", killed)
    with pytest.raises(KeyboardInterrupt):
        live.take()
    monkeypatch.setattr(type(live.stores.stream), "drained", real)
    live.afresh()
    live.send({**event(3), "id": None})
    live.take()
    assert live.one("SELECT count(*) FROM events") == 3
    assert not live.stores.stream.has_work()


def test_an_empty_batch_says_nothing_and_stops_nobody(live):
    live.send(b'{"batch": []}')
    assert live.take().segments == 1
    live.send(b"[]")
    live.send(event(1))
    assert live.take().counts.used == 1
    assert [load.state for load in list_loads(live.stores)] == ["done"]


def test_two_who_drain_in_turn_know_each_others_messages(live):
    """A server's keeper, and a command line or another machine beside it."""
    other = Drain(live.stores)
    live.send(event(1))
    live.take()
    live.send(event(2))
    live.writer.close_segment()
    assert other.step(live.definitions, who=OWNER, now=NOW).counts.used == 1
    live.send(event(1), event(2), event(3))
    assert live.take().counts.rejected == {"duplicate event": 2}
    live.send(event(3), event(4))
    live.writer.close_segment()
    assert other.step(live.definitions, who=OWNER, now=NOW).counts.rejected == {"duplicate event": 1}
    assert live.one("SELECT count(*) FROM events") == 4
    other.close()
