"""RFM, lifecycle and interest against what they are defined to be."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.exact import WEIGHT_UNIT
from limner.core.ours import Tag
from limner.core.spans import EPOCH, day_of
from limner.flow.tags.rfm import CLASSES
from limner.flow.tags.tag import tag
from limner.store.definitions import Definitions
from shop import open_shop
from tagging import ASOF, ZONE, answers, compute, put_events, put_items, put_links

DAY = timedelta(days=1)


@pytest.fixture
def stores(tmp_path):
    opened = open_shop(tmp_path / "shop")
    yield opened
    opened.close()


def put_orders(stores, orders):
    put_events(
        stores,
        [
            {
                "name": "Order Completed", "trace": trace, "amount": Decimal(amount),
                "order_id": f"o{i}", "happened_at": ASOF - days * DAY,
            }
            for i, (trace, days, amount) in enumerate(orders)
        ],
    )  # fmt: skip


def test_equal_values_share_a_level(stores):
    put_links(stores, [(t, t - 1) for t in range(1, 101)])
    put_orders(stores, [(t, t, 10) for t in range(1, 101)] + [(100, 150, 10)])
    version, _ = compute(stores, only=["rfm"], size=102)
    frequency = answers(version, "rfm.f")
    assert set(frequency[:99]) == {1}
    assert frequency[99] == 5
    assert frequency[100:] == [None, None]
    recency = answers(version, "rfm.r")
    assert [recency.count(level) for level in (1, 2, 3, 4, 5)] == [20, 20, 20, 20, 20]
    assert recency[0] == 5


def test_levels_against_a_plain_computation(stores):
    rng = np.random.default_rng(3)
    size = 60
    put_links(stores, [(t + 1, t) for t in range(size)])
    orders = [(int(rng.integers(1, size + 1)), int(rng.integers(1, 400)), int(rng.integers(1, 50))) for _ in range(300)]
    put_orders(stores, orders)
    version, _ = compute(stores, only=["rfm3"], size=size)
    money = {n: sum(a for t, _, a in orders if t - 1 == n) for n in range(size)}
    buyers = {n: m for n, m in money.items() if m}
    for number, level in enumerate(answers(version, "rfm3.m")):
        worse = sum(m < money[number] for m in buyers.values())
        assert level == (None if number not in buyers else 1 + worse * 3 // len(buyers))


def test_the_eight_classes(stores):
    put_links(stores, [(t, t - 1) for t in range(1, 9)])
    high_and_low = [(r, f, m) for r in (1, 0) for f in (1, 0) for m in (1, 0)]
    orders = []
    for trace, (r, f, m) in enumerate(high_and_low, 1):
        times = 5 if f else 1
        amount = Decimal(1000 if m else 1) / times
        orders += [(trace, (1 if r else 300) + i, amount) for i in range(times)]
    put_orders(stores, orders)
    version, _ = compute(stores, only=["rfm"], size=8)
    want = {(1, 1): "价值", (1, 0): "发展", (0, 1): "保持", (0, 0): "挽留"}
    expected = [("重要" if m else "一般") + want[r, f] for r, f, m in high_and_low]
    assert answers(version, "rfm") == expected
    assert set(expected) == set(CLASSES)


def test_lifecycle_follows_each_customers_own_rhythm(stores):
    put_links(stores, [(t, t - 1) for t in range(1, 7)])
    monthly = [(1, d, 10) for d in range(100, 500, 30)]  # silent for 100 days, used to buy every 30
    yearly = [(2, d, 10) for d in (100, 465, 830)]  # silent for 100 days, buys once a year
    weekly = [(3, d, 10) for d in range(3, 200, 7)]
    gone = [(4, d, 10) for d in range(400, 700, 20)]
    put_orders(stores, [*monthly, *yearly, *weekly, *gone, (5, 10, 10), (6, 800, 10)])
    version, _ = compute(stores, only=["lifecycle_stage"], size=7)
    assert answers(version, "lifecycle_stage") == ["sleeping", "active", "active", "lost", "new", "lost", None]


def test_those_called_lost_seldom_come_back(stores):
    """Planted truth: Poisson buyers with rhythms of their own, some of whom leave; of the lost, few buy in a cycle."""
    rng = np.random.default_rng(11)
    size, horizon = 1500, 900
    orders, returns, is_gone = [], np.zeros(size, bool), rng.random(size) < 0.4
    for number in range(size):
        gap = rng.gamma(4.0, 12.0)
        leaves = rng.uniform(0, horizon) if is_gone[number] else np.inf
        moment = rng.uniform(0, 200)
        while moment < horizon + gap:
            if moment < min(horizon, leaves):
                orders.append((number + 1, int(horizon - moment) + 1, 10))
            elif moment < leaves:
                returns[number] = True
            moment += rng.exponential(gap)
    put_links(stores, [(t + 1, t) for t in range(size)])
    put_orders(stores, orders)
    version, _ = compute(stores, only=["lifecycle_stage"], size=size)
    lost = np.array([stage == "lost" for stage in answers(version, "lifecycle_stage")])
    assert lost.sum() > 200
    assert returns[lost].mean() <= 0.05


def test_an_interest_halves(stores):
    put_items(stores)
    put_links(stores, [(1, 0), (2, 1)])
    view = {"name": "Product Viewed", "item_id": "sku2"}
    put_events(
        stores,
        [
            view | {"trace": 1, "happened_at": ASOF - 40 * DAY},
            view | {"trace": 2, "happened_at": ASOF - 70 * DAY},
        ],
    )
    own = [Tag("fade", kind="interest", over="item_events", type="float", half_life=30 * DAY, otherwise=0)]
    version, _ = compute(stores, own, only=["fade"], size=3)
    first, second, none = answers(version, "fade.鞋")
    assert first / second == pytest.approx(2, rel=1e-8)
    assert first == pytest.approx(2 ** (-40 / 30), rel=1e-8)
    assert none == 0
    assert answers(version, "top_fade") == ["鞋", "鞋", None]


def test_interests_against_a_plain_computation(stores):
    rng = np.random.default_rng(5)
    put_items(stores)
    put_links(stores, [(t, t - 1) for t in range(1, 11)])
    points = {"Product Viewed": 1, "Product Favorited": 3}
    rows = [
        {
            "name": list(points)[int(rng.integers(0, 2))], "trace": int(rng.integers(1, 11)),
            "item_id": f"sku{rng.integers(0, 4)}",
            "happened_at": ASOF - timedelta(seconds=int(rng.integers(1, 300 * 86400))),
        }
        for _ in range(400)
    ]  # fmt: skip
    put_events(stores, rows)
    version, done = compute(stores, only=["interest"], size=10)
    today = day_of(ASOF, ZONE)
    want = np.zeros(10)
    for row in rows:
        if row["item_id"] == "sku2":
            want[row["trace"] - 1] += points[row["name"]] * 2 ** (-(today - day_of(row["happened_at"], ZONE)) / 30)
    assert answers(version, "interest.鞋") == pytest.approx(want, rel=1e-7, abs=40 / WEIGHT_UNIT)
    assert set(done.columns["interest"]) == {"interest.女装", "interest.鞋", "interest.配饰", "top_interest"}


def test_a_landmark_is_the_first_day_of_a_quarter():
    assert (date(2026, 7, 1) - EPOCH).days == 20635


def test_a_kind_reads_traits_that_stand_in_the_draft(stores):
    put_links(stores, [(1, 0)])
    draft = stores.gallery.draft()
    draft.put_living(BitMap([0, 1]), 2)
    draft.put("city", ["杭州", "上海"], type="text")
    draft.put_arrow("age", pa.array([20, None]))
    own = {t.id: t for t in [Tag("local", kind="rule", rule="city == '杭州' and age >= 18", type="bool")]}
    tag(stores, Definitions({"tags": own}, {}), draft, who=OWNER, asof=ASOF, links="links-1", only=["local"])
    assert answers(draft.view(), "local") == [True, False]
