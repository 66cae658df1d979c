"""Fixed breaks and the three groups of RFM, against computations of their own; Online Retail against plain Python."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from limner.app.collecting import collect
from limner.app.defining import apply
from limner.app.grounds import portrait_of
from limner.app.running import run
from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition
from limner.core.ours import Tag
from limner.edge.demo.folder import Clock, prepare
from limner.edge.demo.retail import END, ZONE
from limner.flow.tags import rfm_groups
from limner.flow.tags.rfm_groups import GROUPS
from limner.flow.tags.tag import ground_of, said
from limner.store.definitions import Definitions
from shop import open_shop
from tagging import ASOF, answers, compute, put_events, put_links

FILE = Path(os.environ.get("LIMNER_TEST_DATA", "")) / "online_retail" / "online_retail.parquet"
DAY = timedelta(days=1)
BREAKS = {"recency": [30, 90, 180, 365], "frequency": [2, 3, 5, 10], "money": [100, 500, 1000, 5000.5]}


@pytest.fixture
def stores(tmp_path):
    opened = open_shop(tmp_path / "shop")
    yield opened
    opened.close()


def put_orders(stores, orders, batch="events"):
    rows = [
        {
            "name": "Order Completed", "trace": trace, "amount": Decimal(amount),
            "order_id": f"{batch}{i}", "happened_at": ASOF - days * DAY,
        }
        for i, (trace, days, amount) in enumerate(orders)
    ]  # fmt: skip
    put_events(stores, rows, batch)


def fixed(**options):
    return Tag("own", kind="rfm", type="text", options=options)


def test_a_value_on_a_break_is_in_the_better_level(stores):
    put_links(stores, [(t, t - 1) for t in range(1, 6)])
    put_orders(stores, [(1, 30, 5001), (2, 31, 5000), (3, 90, 1000), (4, 365, "99.99"), (5, 366, 100)])
    version, _ = compute(stores, [fixed(breaks=BREAKS)], only=["own"], size=6)
    assert answers(version, "own.r") == [5, 4, 4, 2, 1, None]
    assert answers(version, "own.f") == [1, 1, 1, 1, 1, None]
    assert answers(version, "own.m") == [5, 4, 4, 1, 2, None]


def test_other_customers_do_not_move_a_fixed_level(stores):
    put_links(stores, [(t, t - 1) for t in range(1, 30)])
    put_orders(stores, [(1, 100, 300)] * 3)
    before, _ = compute(stores, [fixed(breaks=BREAKS)], only=["own"], size=1)
    put_orders(stores, [(t, t, 9000) for t in range(2, 30)], "more")
    after, _ = compute(stores, [fixed(breaks=BREAKS)], only=["own"], size=29)
    levels = [[answers(version, f"own.{axis}")[0] for axis in "rfm"] for version in (before, after)]
    assert levels == [[3, 3, 3], [3, 3, 3]]


def test_an_axis_without_breaks_goes_by_quantiles(stores):
    put_links(stores, [(t, t - 1) for t in range(1, 7)])
    put_orders(stores, [(t, t, 10 * t) for t in range(1, 7)])
    version, _ = compute(stores, [fixed(levels=3, breaks={"recency": [2, 5]})], only=["own"], size=6)
    assert answers(version, "own.r") == [3, 3, 2, 2, 2, 1]
    assert answers(version, "own.m") == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("levels", [5, 3])
@pytest.mark.parametrize("seed", range(4))
def test_levels_by_bounds_are_those_of_ranks(stores, levels, seed):
    """Every buyer ranked anew by windows over whole rows: many ties, few buyers, sums below nothing."""
    import duckdb

    rng = np.random.default_rng(seed)
    size = int(rng.choice([1, 2, 7, 80]))
    put_links(stores, [(t + 1, t) for t in range(size)])
    traces = rng.integers(1, size + 1, 3 * size)
    orders = [(int(trace), int(rng.zipf(1.6) % 300) + 1, int(rng.integers(-3, 4)) * 10) for trace in traces]
    put_orders(stores, orders)
    version, _ = compute(stores, [fixed(levels=levels)], only=["own"], size=size)
    columns = ("recency_days", "orders", "net_spend")
    buyers = pa.table({"number": range(size)} | {name: pa.array(answers(version, name)) for name in columns})
    lake = duckdb.connect().register("buyers", buyers)
    ranked = lake.execute(
        """SELECT number,
          1 + (rank() OVER (ORDER BY recency_days DESC) - 1) * $levels // count(*) OVER (),
          1 + (rank() OVER (ORDER BY orders) - 1) * $levels // count(*) OVER (),
          1 + (rank() OVER (ORDER BY net_spend) - 1) * $levels // count(*) OVER ()
        FROM buyers WHERE orders > 0 ORDER BY number""",
        {"levels": levels},
    ).fetchall()
    got = zip(range(size), *(answers(version, f"own.{axis}") for axis in "rfm"), strict=True)
    assert [row for row in got if row[1] is not None] == ranked


@pytest.mark.parametrize(
    "breaks",
    [
        7,
        {"size": [1, 2, 3, 4]},
        {"money": [1, 2, 3]},
        {"money": [1, 3, 2, 4]},
        {"money": [1, 1, 2, 3]},
        {"money": [1, 2, 3, math.inf]},
        {"money": [1, 2, 3, True]},
        {"recency": "abcd"},
    ],
)
def test_breaks_that_cannot_be(stores, breaks):
    put_links(stores, [(1, 0)])
    with pytest.raises(BadDefinition, match="breaks"):
        compute(stores, [fixed(breaks=breaks)], only=["own"])


def planted(rng, size=300):
    """Three kinds of buyers: (trace, days ago, amount) of each order, and the group of each."""
    orders, truth = [], []
    for trace in range(1, size + 1):
        group = trace % 3
        truth.append(GROUPS[group])
        silence, times, amount = ((5, 12, 400), (40, 4, 90), (400, 1, 30))[group]
        at = max(1, int(silence * rng.uniform(0.7, 1.4)))
        orders += [(trace, at + 7 * k, max(1, int(amount * rng.uniform(0.7, 1.4)))) for k in range(times)]
    return orders, truth


def test_planted_groups_are_found_whatever_the_order_of_rows(tmp_path):
    orders, truth = planted(np.random.default_rng(2))
    found = []
    for name in ("one", "two"):
        stores = open_shop(tmp_path / name)
        put_links(stores, [(t, t - 1) for t in range(1, 301)])
        put_orders(stores, orders if name == "one" else orders[::-1])
        version, _ = compute(stores, only=["rfm_groups"], size=301)
        found.append(answers(version, "rfm_groups"))
        stores.close()
    assert found[0] == found[1] == [*truth, None]


def test_fewer_than_three_different_buyers_make_no_groups(stores):
    put_links(stores, [(t, t - 1) for t in range(1, 5)])
    put_orders(stores, [(1, 5, 10), (2, 5, 10), (3, 50, 10)])
    version, _ = compute(stores, only=["rfm_groups"], size=4)
    assert answers(version, "rfm_groups") == [None] * 4


def test_its_sql_alone_gives_the_same_groups(stores):
    from sqlglot import parse_one

    put_links(stores, [(t, t - 1) for t in range(1, 301)])
    put_orders(stores, planted(np.random.default_rng(4))[0])
    version, _ = compute(stores, only=["rfm_groups"], size=300)
    text = said(Definitions(), ground_of(stores, ASOF, {"links": "links-1"}), "rfm_groups")
    rows = stores.lake.table(parse_one(text, read="duckdb"), versions={"links": "links-1"}).to_pylist()
    assert {row["number"]: row["rfm_groups"] for row in rows} == dict(enumerate(answers(version, "rfm_groups")))


@pytest.mark.skipif(not FILE.is_file(), reason="LIMNER_TEST_DATA holds no Online Retail file")
def test_online_retail_equals_a_computation_in_plain_python(tmp_path):
    """Levels and classes of every customer of the file, from its rows, with nothing but dicts and sorting."""
    asof = datetime(2011, 12, 10, tzinfo=ZONE)
    home = tmp_path / "shop"
    prepare(home, "online_retail", seed=1)
    (home / "models" / "purchase.yaml").unlink()
    with Workspace(home, clock=Clock(END)) as shop:
        apply(shop)
        collect(shop, file=[FILE])
        run(shop, asof)
        version = portrait_of(shop, asof).version
        columns = ("recency_days", "orders", "net_spend", "rfm", "rfm.r", "rfm.f", "rfm.m")
        rows = [tuple(version.column(c).value(n) for c in columns) for n in version.living]
    got = sorted(row for row in rows if row[1])
    expected = sorted(_plain_rfm(asof))
    assert len(expected) == 4_338
    assert got == expected


def _plain_rfm(asof):
    """(days, orders, money, class, r, f, m) of each buyer; an invoice beginning with C takes money back."""
    days, invoices, money = {}, defaultdict(set), defaultdict(Decimal)
    rows = pq.read_table(FILE).to_pylist()
    for row in rows:
        customer, invoice = row["CustomerID"], str(row["InvoiceNo"])
        if customer is not None and invoice.startswith("C"):
            money[customer] += row["Quantity"] * Decimal(str(row["UnitPrice"]))
        if customer is None or not invoice.isdigit() or row["Quantity"] <= 0 or row["UnitPrice"] <= 0:
            continue
        age = (asof.date() - row["InvoiceDate"].date()).days
        days[customer] = min(age, days.get(customer, age))
        invoices[customer].add(invoice)
        money[customer] += row["Quantity"] * Decimal(str(row["UnitPrice"]))
    size = len(days)
    level = {
        "r": _levels({c: -d for c, d in days.items()}),
        "f": _levels({c: len(i) for c, i in invoices.items()}),
        "m": _levels({c: money[c] for c in days}),
    }
    mean = {axis: sum(found.values()) for axis, found in level.items()}
    second = {(1, 1): "价值", (1, 0): "发展", (0, 1): "保持", (0, 0): "挽留"}
    for c in days:
        high = {axis: level[axis][c] * size > mean[axis] for axis in "rfm"}
        named = ("重要" if high["m"] else "一般") + second[high["r"], high["f"]]
        yield days[c], len(invoices[c]), money[c], named, level["r"][c], level["f"][c], level["m"][c]


def _levels(values):
    """1 + a fifth of the share of customers who are worse."""
    ordered = sorted(values.values())
    first = {}
    for place, value in enumerate(ordered):
        first.setdefault(value, place)
    return {c: 1 + first[value] * 5 // len(ordered) for c, value in values.items()}


def test_starts_tried_on_coarser_points_end_where_those_of_all_do(monkeypatch):
    rng = np.random.default_rng(5)
    bought = rng.integers(0, 730, 40_000), rng.geometric(0.5, 40_000), rng.gamma(0.7, 400.0, 40_000)
    steps = np.stack([np.round(np.log1p(axis) * 64).astype(np.int64) for axis in bought], axis=1)
    grid, customers = np.unique(steps, axis=0, return_counts=True)
    rows = pa.table({axis: grid[:, at] for at, axis in enumerate("rfm")} | {"customers": customers})

    def learned():
        return [float(value.this.this.this) for value in rfm_groups.learn(rows).expressions]

    monkeypatch.setattr(rfm_groups, "_MANY", len(grid))
    of_all = learned()
    monkeypatch.setattr(rfm_groups, "_MANY", 1_000)
    assert learned() == pytest.approx(of_all, rel=1e-9)
