"""The answer to messages: keys count once, others are untouched, the truth is the mean of what happens, waves join."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from limner_market import STORY, Market
from market.shop_desk import text_messages

PEOPLE = 20_000
SPAN = timedelta(days=15)
COUPON = STORY.waves[0][1][0]
WORDS = STORY.waves[0][1][2]


def _market(seed: int = 3, customers: int = PEOPLE) -> Market:
    return Market(customers, seed=seed)


def _persons(market: Market, folder: Path) -> pa.Table:
    market.write(folder, formats="plain")
    return pq.read_table(folder / "truth" / "persons.parquet")


def _of(persons: pa.Table, state: str) -> pa.Table:
    kept = pc.and_(pc.equal(persons["state"], state), pc.not_equal(persons["phone_listed_as"], "household"))
    return persons.filter(kept)


def _orders(folder: Path) -> pa.Table:
    orders = [pq.read_table(path) for path in sorted(folder.glob("tmall-orders-*.parquet"))]
    tickets = [pq.read_table(path) for path in sorted(folder.glob("pos-*.parquet"))]
    online = [
        table.select(["订单编号", "商家编码", "券抵扣"]).rename_columns(["key", "item", "coupon"]) for table in orders
    ]
    counter = [
        table.filter(pc.greater(table["数量"], 0))
        .select(["小票号", "货号", "券抵扣"])
        .rename_columns(["key", "item", "coupon"])
        for table in tickets
    ]
    return pa.concat_tables(online + counter).sort_by([("key", "ascending"), ("item", "ascending")])


def _keys(folder: Path) -> set[str]:
    return set(_orders(folder)["key"].to_pylist())


@pytest.fixture(scope="module")
def persons(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return _persons(_market(), tmp_path_factory.mktemp("past"))


def test_a_message_key_counts_once(persons: pa.Table, tmp_path: Path) -> None:
    sent = text_messages(_of(persons, "wavering"), COUPON, STORY.now)
    once, twice = _market(), _market()
    once.play(sent, STORY.now + SPAN, tmp_path / "once", formats="plain")
    reply = twice.play(pa.concat_tables([sent, sent]), STORY.now + SPAN, tmp_path / "twice", formats="plain")
    assert reply.again == sent.num_rows
    assert _orders(tmp_path / "once").equals(_orders(tmp_path / "twice"))
    later = twice.play(sent, STORY.now + 2 * SPAN, tmp_path / "later", formats="plain")
    assert (later.messages, later.again) == (0, sent.num_rows)


def test_nobody_else_acts_differently(persons: pa.Table, tmp_path: Path) -> None:
    treated = _of(persons, "wavering")
    _market().play(None, STORY.now + SPAN, tmp_path / "without", formats="plain")
    _market().play(text_messages(treated, COUPON, STORY.now), STORY.now + SPAN, tmp_path / "with", formats="plain")
    # Wavering members are only ever drawn nearer, so what would have happened anyway still happens.
    without, with_messages = _keys(tmp_path / "without"), _keys(tmp_path / "with")
    assert without < with_messages
    drawn = with_messages - without
    online = pq.read_table(next((tmp_path / "with").glob("tmall-orders-*.parquet")))
    extra = online.filter(pc.is_in(online["订单编号"], value_set=pa.array(sorted(drawn))))
    assert set(extra["会员号"].to_pylist()) <= set(treated["member_no"].to_pylist())
    landed = STORY.now + timedelta(hours=COUPON.hour)
    assert pc.min(extra["订单创建时间"]).as_py() > landed


def test_truth_is_the_mean_of_what_happens(tmp_path: Path) -> None:
    customers = 60_000
    market = _market(5, customers)
    treated = _of(_persons(market, tmp_path / "past"), "wavering")
    names = treated["member_no"].to_pylist()
    truth = market.truth(names, benefit=Decimal(40), handed_over_at=STORY.now + timedelta(hours=COUPON.hour))
    rates = []
    for word, sent in (("without", None), ("with", text_messages(treated, COUPON, STORY.now))):
        _market(5, customers).play(sent, STORY.now + timedelta(days=14), tmp_path / word, formats="plain")
        online = pq.read_table(next((tmp_path / word).glob("tmall-orders-*.parquet")), columns=["会员号"])
        tickets = pq.read_table(next((tmp_path / word).glob("pos-*.parquet")))
        numbers = tickets.filter(pc.greater(tickets["数量"], 0)).select(["会员号", "手机号"]).to_pylist()
        phone = dict(zip(treated["phone"].to_pylist(), names, strict=True))
        buyers = {*online["会员号"].to_pylist(), *(row["会员号"] or phone.get(row["手机号"]) for row in numbers)}
        rates.append(np.mean([name in buyers for name in names]))
    error = np.sqrt(0.0264 / len(names))
    assert rates[1] - rates[0] == pytest.approx(truth.lift, abs=4 * error)
    assert rates[0] == pytest.approx(truth.rate_without, abs=4 * np.sqrt(0.06 / len(names)))
    assert truth.lift == pytest.approx(0.0264, abs=0.0006)
    assert 0.8 < truth.redemption / (truth.rate_with * 0.97) < 0.9


def test_two_short_plays_are_one_long_play(persons: pa.Table, tmp_path: Path) -> None:
    sent = text_messages(_of(persons, "wavering"), COUPON, STORY.now)
    _market().play(sent, STORY.now + 2 * SPAN, tmp_path / "long", formats="plain")
    short = _market()
    short.play(sent, STORY.now + SPAN, tmp_path / "short", formats="plain")
    short.play(None, STORY.now + 2 * SPAN, tmp_path / "short", formats="plain")
    assert _orders(tmp_path / "long").equals(_orders(tmp_path / "short"))
    for kind in ("tmall-refunds", "clicks", "consents", "receipts"):
        rows = [
            pa.concat_tables([pq.read_table(path) for path in sorted((tmp_path / word).glob(f"{kind}-*.parquet"))])
            for word in ("long", "short")
        ]
        assert rows[0].equals(rows[1]), kind
    assert short.clock == STORY.now + 2 * SPAN


def test_words_wake_the_sleeping_and_receipts_add_up(persons: pa.Table, tmp_path: Path) -> None:
    sent = text_messages(_of(persons, "sleeping"), WORDS, STORY.now)
    reply = _market().play(sent, STORY.now + SPAN, tmp_path, formats="plain")
    counts = {row["values"]: row["counts"] for row in pc.value_counts(reply.receipts["status"]).to_pylist()}
    assert counts["handed_over"] == sent.num_rows == counts["delivered"] + counts["bounced"]
    assert counts["delivered"] / sent.num_rows == pytest.approx(0.97, abs=0.01)
    assert 0.001 < counts["unsubscribed"] / counts["delivered"] < 0.006
    assert "opened" not in counts


def test_an_unknown_address_bounces(persons: pa.Table, tmp_path: Path) -> None:
    sent = text_messages(_of(persons, "wavering").slice(0, 3), COUPON, STORY.now)
    nobody = pa.array(["13800138000", "1.38E+10", ""])
    sent = sent.set_column(sent.schema.get_field_index("address"), "address", nobody)
    reply = _market().play(sent, STORY.now + SPAN, tmp_path, formats="plain")
    assert reply.unknown == 3
    assert reply.receipts["status"].to_pylist() == ["handed_over"] * 3 + ["bounced"] * 3


def test_an_authorisation_is_good_for_one_message(persons: pa.Table, tmp_path: Path) -> None:
    market = _market()
    members = _of(persons, "wavering")
    parts = []
    for turn in range(12):
        table = text_messages(members, COUPON, STORY.now + timedelta(minutes=turn), "mini", "openid")
        parts.append(table.set_column(0, "message_key", pa.array([f"{turn}-{n}" for n in range(table.num_rows)])))
    reply = market.play(pa.concat_tables(parts), STORY.now + timedelta(days=1), tmp_path, formats="plain")
    past = pq.read_table(_past(tmp_path)["consents"])
    uses = past.filter(pc.equal(past["可用次数"], 1))
    given = pc.sum(pc.is_in(uses["会员号"], value_set=members["member_no"].combine_chunks())).as_py()
    delivered = pc.sum(pc.equal(reply.receipts["status"], "delivered")).as_py()
    assert 0.9 * given < delivered <= 1.1 * given


def _past(folder: Path) -> dict[str, Path]:
    manifest = _market().write(folder / "past", formats="plain")
    return {written.kind: written.path for written in manifest.files}


def test_fatigue_wears_the_effect_down(persons: pa.Table, tmp_path: Path) -> None:
    market = _market()
    members = _of(persons, "wavering")
    names = members["member_no"].to_pylist()
    fresh = market.truth(names, benefit=40)
    market.play(text_messages(members, COUPON, STORY.now), STORY.now + SPAN, tmp_path, formats="plain")
    tired = market.truth(names, benefit=40)
    assert 0.85 < tired.lift / fresh.lift < 0.95


def test_misuse_says_what_is_wrong(persons: pa.Table, tmp_path: Path) -> None:
    market = _market()
    sent = text_messages(_of(persons, "wavering").slice(0, 1), COUPON, STORY.now)
    with pytest.raises(ValueError, match="lack the columns address"):
        market.play(sent.drop_columns(["address"]), STORY.now + SPAN, tmp_path)
    with pytest.raises(ValueError, match="unknown channel 'fax'"):
        market.play(sent.set_column(1, "channel", pa.array(["fax"])), STORY.now + SPAN, tmp_path)
    with pytest.raises(ValueError, match="must be after the clock"):
        market.play(None, STORY.now, tmp_path)
    with pytest.raises(ValueError, match="must be a midnight"):
        market.play(None, STORY.now + timedelta(hours=30), tmp_path)
    with pytest.raises(ValueError, match="at or after `until`"):
        market.play(text_messages(persons.slice(0, 1), COUPON, STORY.now + SPAN), STORY.now + SPAN, tmp_path)
    with pytest.raises(ValueError, match="'NZ0' is not in this market"):
        market.truth(["NZ0"])
    assert market.clock == STORY.now
    assert market.truth([]).money == 0.0
