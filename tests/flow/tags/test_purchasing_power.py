"""Purchasing power against a computation in plain Python, and against its own words."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from limner.core.errors import BadDefinition
from limner.core.ours import Tag
from shop import open_shop
from tagging import ASOF, CATEGORIES, answers, compute, put_events, put_items, put_lines, put_links

DAY = timedelta(days=1)
PARTS = ("purchasing_power.score", "purchasing_power.price", "purchasing_power.spend")


@pytest.fixture
def stores(tmp_path):
    opened = open_shop(tmp_path / "shop")
    put_items(opened)
    yield opened
    opened.close()


def put_bought(stores, bought, batch="bought"):
    """Rows of (trace, days ago, item, quantity, price)."""
    orders, lines = [], []
    for at, (trace, days, item, quantity, price) in enumerate(bought):
        amount, moment = Decimal(price) * quantity, ASOF - days * DAY
        both = {"name": "Order Completed", "trace": trace, "happened_at": moment, "order_id": f"{batch}{at}"}
        orders.append({**both, "amount": amount})
        line = {"item_id": f"sku{item}", "line": np.int32(1), "quantity": Decimal(quantity), "price": Decimal(price)}
        lines.append({**both, **line, "amount": amount})
    put_events(stores, orders, f"{batch}:events")
    put_lines(stores, lines, f"{batch}:lines")


def plain(bought):
    """score, price and spend of each trace, from the rows."""
    prices, spent, of = defaultdict(list), defaultdict(Decimal), defaultdict(list)
    kept = [row for row in bought if row[1] <= 365]
    for trace, _, item, quantity, price in kept:
        category = CATEGORIES[item % 4].split("/")[0]
        prices[category].append(price)
        of[trace].append((category, price))
        spent[trace] += Decimal(price) * quantity
    found = {}
    for trace, lines in of.items():
        price = sum(_place(prices[category], own) for category, own in lines) // len(lines)
        spend = _place(list(spent.values()), spent[trace])
        found[trace] = ((price * 50 + spend * 50) // 10000, price // 100, spend // 100) if len(lines) >= 2 else None
    return found


def _place(among, own):
    return (2 * sum(one < own for one in among) + sum(one == own for one in among)) * 5000 // len(among)


def test_against_a_plain_computation(stores):
    rng = np.random.default_rng(4)
    bought = [
        (int(rng.integers(1, 31)), int(rng.integers(1, 500)), int(rng.integers(0, 12)), int(rng.integers(1, 4)),
         int(rng.integers(1, 12)) * 10)
        for _ in range(150)
    ]  # fmt: skip
    put_links(stores, [(t, t - 1) for t in range(1, 31)])
    put_bought(stores, bought)
    version, _ = compute(stores, only=["purchasing_power"], size=31)
    columns = [answers(version, name) for name in PARTS]
    expected = plain(bought)
    for number in range(31):
        got = tuple(column[number] for column in columns)
        assert got == (expected.get(number + 1) or (None, None, None))
    words = answers(version, "purchasing_power")
    assert all(
        word == (None if score is None else "high" if score >= 67 else "middle" if score >= 34 else "low")
        for word, score in zip(words, columns[0], strict=True)
    )


def test_dear_is_dear_within_its_category_only(stores):
    """Scarves at 50 are the dearest scarves; dresses at 50 are the cheapest dresses."""
    put_links(stores, [(t, t - 1) for t in range(1, 5)])
    scarves, dresses = 3, 0
    rows = [(1, 9, scarves, 1, 50), (1, 8, scarves, 1, 50), (2, 9, dresses, 1, 50), (2, 8, dresses, 1, 50)]
    rows += [(3, d, scarves, 1, 10) for d in (1, 2, 3, 4)] + [(4, d, dresses, 1, 900) for d in (1, 2, 3, 4)]
    put_bought(stores, rows)
    version, _ = compute(stores, only=["purchasing_power"], size=4)
    dear = answers(version, "purchasing_power.price")
    assert dear[0] > 80
    assert dear[1] < 20


def test_who_bought_too_little_is_unknown_and_later_rows_change_nothing(stores):
    put_links(stores, [(t, t - 1) for t in range(1, 4)])
    rows = [(1, 3, 0, 1, 100), (2, 3, 0, 1, 90), (2, 4, 0, 2, 80), (3, 400, 0, 1, 10), (3, 401, 0, 1, 10)]
    put_bought(stores, rows)
    version, _ = compute(stores, only=["purchasing_power"], size=3)
    before = [answers(version, name) for name in ("purchasing_power", *PARTS)]
    assert [one is None for one in before[0]] == [True, False, True]
    put_bought(stores, [(1, 0, 0, 1, 5000), (2, -3, 1, 1, 1), (3, -9, 0, 4, 7)], "later")
    version, _ = compute(stores, only=["purchasing_power"], size=3)
    assert [answers(version, name) for name in ("purchasing_power", *PARTS)] == before


@pytest.mark.parametrize("options", [{"days": 0}, {"least": 0}, {"price_weight": 101}, {"weight": 5}])
def test_options_that_cannot_be(stores, options):
    put_links(stores, [(1, 0)])
    with pytest.raises(BadDefinition, match=next(iter(options))):
        compute(stores, [Tag("own", kind="purchasing_power", type="text", options=options)], only=["own"])
