"""Every kind of tag at any asof, and every selector: what comes later changes nothing. A new one is tested at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.ours import Tag
from limner.flow.tags.base import KINDS
from limner.flow.tags.catalog import built_in
from shop import open_shop
from tagging import ASOF, compute, market, put_events, put_items, put_lines, put_links

DAY = timedelta(days=1)
FAMILY = {"window": {"within": ["30d", "all"]}, "thing": {"each": "top_category"}}
MORE = {
    "family": Tag("spend", kind="family", over="lines", sql="sum(amount)", type="money", options={"axes": FAMILY}),
    "rule": Tag(
        "by_rule", kind="rule", type="bool", rule='orders >= 2 and did("Product Viewed", within="30d", times=2)'
    ),
    "rule of members": Tag(
        "by_member",
        kind="rule",
        type="bool",
        rule="spend.30d.女装 > 100 or spend.all.鞋 >= 500 or not (spend.30d.尚无 > 1 or tree.服饰鞋帽箱包 > 0.5)",
    ),
    "interest_tree": Tag("tree", kind="interest_tree", type="float", half_life=30 * DAY),
}
"""A tag of each kind that no tag of the packs is of."""

TAGS = [MORE[name] for name in sorted(MORE)]


def test_every_kind_is_here():
    of_packs = {placed.tag.kind for placed in built_in().values()}
    assert {name for name, _ in KINDS} == of_packs | {tag.kind for tag in MORE.values()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A market of a year that goes on past every asof asked below."""
    stores = open_shop(tmp_path_factory.mktemp("whole") / "shop")
    put_items(stores)
    rows, lines = market(stores, seed=11, events=200, start=ASOF - 300 * DAY, end=ASOF + 60 * DAY)
    put_links(stores, [(trace, (trace - 1) // 2) for trace in range(1, 41)])
    yield stores, rows, lines
    stores.close()


@settings(max_examples=3, deadline=None)
@given(days=st.integers(0, 340), seconds=st.integers(0, 86_399))
def test_an_asof_sees_what_came_before_and_nothing_else(whole, tmp_path_factory, days, seconds):
    stores, rows, lines = whole
    asof = ASOF - 290 * DAY + timedelta(days=days, seconds=seconds)
    seen, _ = compute(stores, TAGS, asof=asof)
    then = open_shop(tmp_path_factory.mktemp("then") / "shop")
    put_items(then)
    put_links(then, [(trace, (trace - 1) // 2) for trace in range(1, 41)])
    for put, of in ((put_events, rows), (put_lines, lines)):
        before = [row for row in of if row["happened_at"] < asof]
        if before:
            put(then, before)
    batch, _ = compute(then, TAGS, asof=asof)
    then.close()
    assert set(seen.headers) == set(batch.headers)
    assert [name for name in seen.headers if content(seen, name) != content(batch, name)] == []


def content(version, name):
    column = version.column(name)
    return [column.value(number) for number in range(version.size)]
