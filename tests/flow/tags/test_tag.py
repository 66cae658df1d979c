"""The verb: right numbers, exact, the same whatever the order, and nothing seen past the asof."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlglot import parse_one

from limner.core.errors import BadDefinition, NotFound
from limner.core.ours import Tag
from limner.flow.tags.tag import ground_of, lineage_of, said
from limner.store.definitions import Definitions
from limner.store.lake.dialects import DIALECTS, write
from shop import open_shop
from tagging import (
    ASOF,
    ZONE,
    answers,
    compute,
    market,
    put_events,
    put_items,
    put_lines,
    put_links,
    whole_market,
)

DAY = timedelta(days=1)


@pytest.fixture
def stores(tmp_path):
    opened = open_shop(tmp_path / "shop")
    yield opened
    opened.close()


def order(trace, days_ago, amount, name="Order Completed", **more):
    return {"name": name, "trace": trace, "happened_at": ASOF - days_ago * DAY, "amount": Decimal(amount)} | more


def test_orders_money_and_windows(stores):
    put_links(stores, [(1, 0), (2, 0), (3, 1)])
    put_events(
        stores,
        [
            order(1, 200, "100.10", order_id="a"),
            order(2, 30, "0.20", order_id="b"),
            order(2, 10, "40", "Order Refunded"),
            order(3, 31, "7.77", order_id="c"),
        ],
    )
    version, _ = compute(
        stores, only=["net_spend", "net_spend_30d", "orders", "recency_days", "avg_order", "returns_rate"], size=4
    )
    assert answers(version, "net_spend") == [
        Decimal("60.3000"),
        Decimal("7.7700"),
        Decimal("0.0000"),
        Decimal("0.0000"),
    ]
    assert answers(version, "net_spend_30d")[:2] == [Decimal("-39.8000"), Decimal("0.0000")]
    assert answers(version, "orders") == [2, 1, 0, 0]
    assert answers(version, "recency_days") == [30, 31, None, None]
    assert answers(version, "avg_order") == [Decimal("50.1500"), Decimal("7.7700"), None, None]
    assert answers(version, "returns_rate") == [0.5, 0.0, None, None]


def test_whole_days_begin_at_local_midnight(stores):
    put_links(stores, [(1, 0)])
    edge = ASOF - 30 * DAY
    put_events(stores, [order(1, 0, "1") | {"happened_at": edge + timedelta(seconds=s)} for s in (-1, 0, 1)])
    later = ASOF + timedelta(hours=15)
    for asof in (ASOF, later):
        version, _ = compute(stores, only=["orders_30d"], size=1, asof=asof)
        assert answers(version, "orders_30d") == [2]


def test_an_event_at_the_asof_is_not_seen(stores):
    put_links(stores, [(1, 0)])
    put_events(stores, [order(1, 0, "5"), order(1, 0, "3") | {"happened_at": ASOF - timedelta(microseconds=1)}])
    version, _ = compute(stores, only=["net_spend", "orders"], size=1)
    assert (answers(version, "net_spend"), answers(version, "orders")) == ([Decimal("3.0000")], [1])


def test_favourited_and_not_bought_since(stores):
    put_items(stores)
    put_links(stores, [(1, 0), (2, 1)])
    favourite = {"name": "Product Favorited", "trace": 1}
    put_events(
        stores,
        [
            favourite | {"item_id": "sku1", "happened_at": ASOF - 20 * DAY},
            favourite | {"item_id": "sku1", "happened_at": ASOF - 19 * DAY},
            favourite | {"item_id": "sku2", "happened_at": ASOF - 20 * DAY},
            favourite | {"item_id": "sku3", "happened_at": ASOF - 10 * DAY},
            favourite | {"item_id": "sku4", "happened_at": ASOF - 91 * DAY},
        ],
    )
    line = {"order_id": "o", "line": np.int32(1), "name": "Order Completed", "trace": 1, "amount": Decimal(1)}
    put_lines(
        stores,
        [
            line | {"item_id": "sku2", "happened_at": ASOF - 5 * DAY},
            line | {"item_id": "sku3", "happened_at": ASOF - 15 * DAY},
        ],
    )
    version, _ = compute(stores, only=["favourited_not_bought", "favourited_twice_not_bought"], size=2)
    assert answers(version, "favourited_not_bought") == [2, 0]
    assert answers(version, "favourited_twice_not_bought") == [1, 0]


def test_first_and_last_and_ties(stores):
    put_links(stores, [(1, 0)])
    rows = [("web", 9), ("app", 9), ("mini", 3), ("app", 1), ("pos", 1)]
    put_events(stores, [{"name": "Signed In", "trace": 1, "via": v, "happened_at": ASOF - d * DAY} for v, d in rows])
    version, _ = compute(stores, only=["first_via", "last_via", "favourite_via"], size=1)
    assert answers(version, "first_via") == ["app"]
    assert answers(version, "last_via") == ["pos"]
    assert answers(version, "favourite_via") == ["app"]


def test_the_same_columns_whatever_the_order_and_the_batches(tmp_path):
    kept = []
    for seed, parts in ((0, 1), (1, 5)):
        stores = open_shop(tmp_path / f"shop{seed}")
        other = open_shop(tmp_path / f"source{seed}")
        rows, lines = market(other, seed=7)
        other.close()
        rng = np.random.default_rng(seed)
        put_items(stores)
        put_links(stores, [(trace, (trace - 1) // 2) for trace in range(1, 41)])
        for part, chosen in enumerate(np.array_split(rng.permutation(len(rows)), parts)):
            put_events(stores, [rows[i] for i in chosen], f"e{part}")
        put_lines(stores, [lines[i] | {"line": np.int32(1)} for i in rng.permutation(len(lines))])
        version, _ = compute(stores)
        kept.append({name: _bytes(version.column(name)) for name in version.headers})
        stores.close()
    assert kept[0] == kept[1]


def test_later_rows_change_no_column(stores):
    whole_market(stores, events=800)
    before, _ = compute(stores)
    market(stores, seed=9, events=600, start=ASOF, end=ASOF + 60 * DAY, batch="later")
    after, _ = compute(stores)
    assert set(before.headers) == set(after.headers)
    assert [n for n in before.headers if _bytes(before.column(n)) != _bytes(after.column(n))] == []


def test_a_withdrawn_load_never_was(stores):
    whole_market(stores, events=500)
    before, _ = compute(stores)
    put_events(stores, [order(1, 5, "999", order_id="z")], "more", load=9)
    with_it, _ = compute(stores, only=["net_spend"])
    stores.lake.withdraw(9, ASOF)
    after, _ = compute(stores)
    assert answers(with_it, "net_spend") != answers(before, "net_spend")
    assert [n for n in before.headers if _bytes(before.column(n)) != _bytes(after.column(n))] == []


def test_no_data_at_all(stores):
    put_links(stores, [])
    version, _ = compute(stores, size=3)
    assert answers(version, "orders") == [0, 0, 0]
    assert answers(version, "recency_days") == [None] * 3
    assert answers(version, "rfm") == [None] * 3
    assert answers(version, "lifecycle_stage") == [None] * 3


def test_statistics_over_one_relation_take_one_scan(stores):
    whole_market(stores, events=100)
    _, done = compute(stores, only=["orders", "net_spend", "avg_order", "refunds_90d"])
    assert done.scans == 1


def test_a_tag_of_the_workspace_takes_a_built_ins_place(stores):
    put_links(stores, [(1, 0)])
    put_events(stores, [order(1, 5, "3"), order(1, 6, "4")])
    own = [Tag("orders", over="orders", sql="count(*) * 10", matching="is_order", otherwise=0)]
    version, _ = compute(stores, own, only=["orders"], size=1)
    assert answers(version, "orders") == [20]


def test_a_chinese_name_is_as_good_as_an_id(stores):
    put_links(stores, [(1, 0)])
    put_events(stores, [order(1, 5, "3")])
    _, done = compute(stores, only=["净消费金额"], size=1)
    assert list(done.columns) == ["net_spend"]
    with pytest.raises(NotFound, match="净消费金额"):
        compute(stores, only=["净消费金"], size=1)


def test_every_type_of_answer(stores):
    put_links(stores, [(1, 0)])
    put_events(stores, [order(1, 5, "3", order_id="x"), order(1, 2, "4", order_id="y")])
    tags = [
        Tag("t_bool", over="orders", sql="bool_or(amount > 3)", type="bool", otherwise=False),
        Tag("t_text", over="orders", sql="max(order_id)", type="text", otherwise="none"),
        Tag("t_day", over="orders", sql="max(day)", type="day"),
        Tag("t_instant", over="orders", sql="min(happened_at)", type="instant"),
        Tag("t_float", over="orders", sql="median(amount)", type="float"),
    ]
    version, _ = compute(stores, tags, only=[t.id for t in tags], size=2)
    assert answers(version, "t_bool") == [True, False]
    assert answers(version, "t_text") == ["y", "none"]
    assert answers(version, "t_day")[0] == (ASOF - 2 * DAY).astimezone(ZONE).date()
    assert answers(version, "t_instant") == [ASOF - 5 * DAY, None]
    assert answers(version, "t_float") == [3.5, None]


def test_a_window_shorter_than_a_day_is_exact(stores):
    put_links(stores, [(1, 0)])
    put_events(stores, [order(1, 0, "1") | {"happened_at": ASOF - timedelta(hours=h)} for h in (1, 5, 7)])
    tags = [Tag("t", over="orders", sql="count(*)", within=timedelta(hours=6), otherwise=0)]
    version, _ = compute(stores, tags, only=["t"], size=1)
    assert answers(version, "t") == [2]


def test_a_rule_tag(stores):
    put_links(stores, [(1, 0), (2, 1), (3, 2)])
    put_events(stores, [order(1, 5, "300", order_id="a"), order(2, 5, "20", order_id="b")])
    tags = [Tag("big", kind="rule", rule="净消费金额 >= 100 and orders >= 1", type="bool")]
    version, done = compute(stores, tags, only=["big"], size=3)
    assert answers(version, "big") == [True, False, False]
    assert list(done.columns) == ["net_spend", "orders", "big"] or set(done.columns) == {"net_spend", "orders", "big"}


def test_a_rule_tag_over_behaviour(stores):
    put_links(stores, [(1, 0), (2, 1)])
    put_events(stores, [order(1, 5, "300", order_id="a")])
    tags = [Tag("did", kind="rule", rule='did("Order Completed", within="30d")', type="bool")]
    version, _ = compute(stores, tags, only=["did"], size=2)
    assert answers(version, "did") == [True, False]


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (Tag("t", sql="sum(amuont)"), "Did you mean 'amount'"),
        (Tag("t", sql="amount"), "outside an aggregate"),
        (Tag("t", over="ordres", sql="count(*)"), "Did you mean 'orders'"),
        (Tag("t", sql=""), "needs 'sql'"),
        (Tag("t", over="by_item", sql="count(*)", within=DAY), "no moment"),
        (Tag("t", sql="count(*)", matching="name = 'x'; drop table events"), "may not stand"),
        (Tag("t", sql="max((select 1))"), "may not stand"),
        (Tag("t", kind="statstic", sql="count(*)"), "Did you mean 'statistic'"),
        (Tag("t", kind="rfm", options={"levels": 4}), "levels"),
        (Tag("t", kind="rfm", options={"level": 5}), "Did you mean 'levels'"),
        (Tag("t", kind="interest", half_life=DAY), "half_life"),
        (Tag("t", kind="first_last", options={"pick": "lats"}), "Did you mean 'last'"),
        (Tag("t", kind="rule", rule="orders >= 1"), "type: bool"),
        (Tag("t", kind="favourite", over="orders"), "value"),
        (Tag("t", path="a/b/c/d/e", sql="count(*)"), "5 levels"),
        (Tag("a b", sql="count(*)"), "cannot be used"),
    ],
)
def test_a_bad_tag_is_refused_with_its_place(stores, tag, message):
    put_links(stores, [(1, 0)])
    with pytest.raises((BadDefinition, NotFound), match=message):
        compute(stores, [tag], only=[tag.id], size=1)


def test_tags_in_a_circle(stores):
    put_links(stores, [(1, 0)])
    tags = [Tag("a", kind="rule", rule="b", type="bool"), Tag("b", kind="rule", rule="a", type="bool")]
    with pytest.raises(BadDefinition, match="circle"):
        compute(stores, tags, only=["a"], size=1)


@pytest.mark.parametrize(
    "name",
    [
        "net_spend_30d",
        "rfm",
        "rfm3",
        "lifecycle_stage",
        "interest",
        "first_via",
        "active_hour",
        "favourited_not_bought",
    ],
)
def test_the_sql_of_a_tag_gives_the_same_answers(stores, name):
    whole_market(stores)
    version, done = compute(stores, only=[name])
    ground = ground_of(stores, ASOF, {"links": "links-1"})
    found = stores.lake.table(
        parse_one(said(Definitions(), ground, name), read="duckdb"), versions={"links": "links-1"}
    )
    for column in done.columns[name]:
        known = dict(zip(found["number"].to_pylist(), found[column].to_pylist(), strict=True))
        ours = {n: v for n, v in enumerate(answers(version, column)) if n in known}
        assert {n: v for n, v in known.items() if v is not None} == {
            n: v for n, v in ours.items() if known[n] is not None
        }
    for dialect in DIALECTS:
        assert parse_one(said(Definitions(), ground, name, dialect), read=dialect)


def test_lineage_is_read_off_the_tree(stores):
    ground = ground_of(stores, ASOF)
    found = lineage_of(Definitions(), ground, "近30天收藏次数")
    assert (found.over, found.columns, found.events) == ("events", ("day", "name"), ("Product Favorited",))
    assert lineage_of(Definitions(), ground, "rfm").tags == ("recency_days", "orders", "net_spend")


def test_queries_are_said_for_clusters(stores):
    ground = ground_of(stores, ASOF)
    text = said(Definitions(), ground, "distinct_items", "clickhouse")
    assert "uniqExact(" in text
    assert "SETTINGS" in text
    assert write(parse_one("select 1"), "doris") == "SELECT 1"


def _bytes(column):
    words = column.words if column.header.type == "text" else ()
    return (column.header.dtype, column.values.tobytes(), column.valid is not None and column.valid.tobytes(), words)
