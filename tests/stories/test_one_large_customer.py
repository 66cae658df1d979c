"""One customer with millions of events among few others: every tag and condition answers, and rightly."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from limner.core.rule import parse, resolve
from limner.core.rule.lexicon import EVENT_COLUMNS, Lexicon
from limner.flow.audiences.behaviour import LakeBehaviour
from shop import open_shop
from tagging import ASOF, ZONE, answers, compute, put_items, put_links

EVENTS, OTHERS = 3_000_000, 50
NAMES = np.array(["Product Viewed", "Product Favorited", "Order Completed", "Order Refunded"])
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    stores = open_shop(tmp_path_factory.mktemp("crowded") / "shop")
    rng = np.random.default_rng(1)
    trace = np.where(rng.random(EVENTS) < 0.999, 1, rng.integers(2, OTHERS + 2, EVENTS)).astype(np.int32)
    kind = rng.choice(4, EVENTS, p=(0.7, 0.1, 0.19, 0.01))
    before = rng.integers(1, 400 * 86_400, EVENTS)
    seconds = int(ASOF.timestamp()) - before
    cents = np.where(kind >= 2, rng.integers(100, 9_000, EVENTS), 0)
    local = seconds + 8 * 3600
    rows = pa.table(
        {
            "name": pa.array(NAMES[kind]),
            "trace": pa.array(trace),
            "happened_at": pa.array(seconds * 1_000_000, pa.timestamp("us", tz="UTC")),
            "day": pa.array((local // 86_400).astype(np.int32)),
            "hour": pa.array((local % 86_400 // 3600).astype(np.int8)),
            "source": pa.array(["t"] * EVENTS),
            "item_id": pa.array([f"sku{n}" for n in rng.integers(0, 12, EVENTS)]),
            "order_id": pa.array([f"o{n}" for n in range(EVENTS)]),
            "amount": pa.array(cents.astype(np.int32)).cast(pa.decimal128(18, 4)),
        }
    )
    put_items(stores)
    stores.lake.append("events", "all", rows, load=1)
    put_links(stores, [(number + 1, number) for number in range(OTHERS + 1)])
    yield stores, trace - 1, kind, before, cents
    stores.close()


def test_tags_of_the_one_and_of_the_others(crowded):
    stores, number, kind, _, cents = crowded
    version, _ = compute(stores, size=OTHERS + 1)
    ordered = kind == 2
    assert answers(version, "orders") == np.bincount(number[ordered], minlength=OTHERS + 1).tolist()
    spent = np.bincount(number[ordered], cents[ordered], OTHERS + 1) - np.bincount(
        number[kind == 3], cents[kind == 3], OTHERS + 1
    )
    assert [int(value) for value in answers(version, "net_spend")] == spent.astype(np.int64).tolist()
    assert answers(version, "recency_days")[0] in (0, 1)
    assert all(answers(version, name)[0] is not None for name in ("rfm", "lifecycle_stage"))


@pytest.mark.parametrize(
    ("rule", "least"),
    [
        ('did("Order Completed", within="90d", times=100)', 100),
        ('distinct("Product Viewed", item_id) >= 12', None),
        ('sequence("Product Favorited", "Order Completed", within="1d", without="Order Refunded")', None),
        ('first("Order Completed", amount) >= 1', None),
    ],
)
def test_conditions_answer(crowded, rule, least):
    stores, number, kind, before, _ = crowded
    lexicon = Lexicon(properties=EVENT_COLUMNS, zone=ZONE)
    members = LakeBehaviour(stores.lake, "links-1", ASOF, lexicon, 0)(resolve(parse(rule), lexicon))
    assert 0 in members
    if least is not None:
        inside = (kind == 2) & (before <= timedelta(days=90).total_seconds())
        assert set(members) == set(np.flatnonzero(np.bincount(number[inside], minlength=OTHERS + 1) >= least).tolist())
