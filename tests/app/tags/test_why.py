"""Why a customer has an answer: every kind says what it rests on, and it adds up."""

import pytest

from limner.app.workspace import Workspace
from limner.core.actor import Actor
from limner.core.errors import NotFound, Refused
from limner.edge.show import shown
from limner.flow.tags.base import KINDS
from limner.flow.tags.catalog import catalog
from small_shop import write_shop

CLICKS = """
files: [data/clicks.csv]
identifiers: {member_no: member}
events:
  - {name: {constant: Product Viewed}, happened_at: when, item_id: item, category: path}
"""
TAGS = """
- id: seen
  name: 看过
  kind: family
  over: item_events
  sql: count(*)
  options: {member: "{window}看{thing}", axes: {window: {within: [30d, 90d]}, thing: {each: top_category}}}
- {id: hobby, name: 爱好, kind: interest_tree, type: float, half_life: 30d}
- {id: fond, name: 钟爱, kind: rule, type: bool, rule: "orders >= 2 and not (did('Product Viewed', times=5) or net_spend < 100)"}
"""
VIEWS = [("M25", "旅游/机票/国内机票", "2026-08-31 10:00"), ("M25", "旅游/机票", "2026-08-02 09:00"),
         ("M25", "体育运动", "2026-07-01 09:00"), ("M3", "旅游", "2026-08-30 10:00")]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = write_shop(tmp_path_factory.mktemp("why") / "shop", sources__clicks=CLICKS, tags__more=TAGS)
    rows = "".join(f"{who},{path},{when},i{n}\n" for n, (who, path, when) in enumerate(VIEWS))
    (folder / "data" / "clicks.csv").write_text("member,path,when,item\n" + rows, encoding="utf-8")
    with Workspace(folder) as shop:
        shop.apply()
        shop.collect()
        shop.run("2026-09-01")
        yield shop


def test_every_kind_says_what_it_rests_on(shop):
    owners = {placed.tag.kind: name for name, placed in catalog(shop.definitions).items()}
    assert set(owners) >= {name for name, _ in KINDS}
    for kind, name in owners.items():
        asked = {"hobby": "hobby.旅游", "seen": "seen.90d.旅游"}.get(name, name)
        found = shop.why(asked, "member_no:M25")
        assert found.kind == kind
        rests = bool(found.nodes) + bool(found.rows) + bool(found.inputs)
        assert rests or not found.total, name
        for lang in ("zh", "en"):
            assert found.customer_id in shown(found, lang)
    for name in catalog(shop.definitions):
        if name not in ("hobby", "seen"):
            shop.why(name, "member_no:M25", limit=3)


def test_a_count_is_its_rows(shop):
    found = shop.why("orders", "member_no:M25")
    assert (found.value, found.total, len(found.rows)) == (3, 3, 3)
    assert {row["name"] for row in found.rows} == {"Order Completed"}
    assert [row["happened_at"] for row in found.rows] == sorted((r["happened_at"] for r in found.rows), reverse=True)
    assert shop.why("订单数", "member_no:M25", limit=1).rows == found.rows[:1]
    spent = shop.why("net_spend", "member_no:M25")
    assert sum(row["net"] for row in spent.rows) == spent.value


def test_a_member_of_a_family_is_its_rows(shop):
    for column, size in {"seen.90d.旅游": 2, "seen.30d.旅游": 2, "seen.90d.体育运动": 1}.items():
        found = shop.why(column, "member_no:M25")
        assert (found.value, found.total) == (size, size)


def test_weights_add_up(shop):
    for column in ("hobby.旅游", "hobby.旅游/机票", "hobby.体育运动"):
        found = shop.why(column, "member_no:M25")
        assert sum(row["weight"] for row in found.rows) == pytest.approx(found.value, rel=1e-6)
    assert [row["to"] for row in shop.why("hobby.旅游", "member_no:M25").rows] == ["旅游/机票/国内机票", "旅游/机票"]
    name = next(name for name, placed in catalog(shop.definitions).items() if placed.tag.kind == "interest")
    found = shop.why(f"{name}.旅游", "member_no:M25")
    assert sum(row["weight"] for row in found.rows) == pytest.approx(found.value, rel=1e-6)
    assert shop.why(name, "member_no:M25").value == "旅游"


def test_a_rule_answers_node_by_node(shop):
    found = shop.why("钟爱", "member_no:M25")
    assert [(node.depth, node.holds) for node in found.nodes] == [
        (0, True), (1, True), (1, True), (2, False), (3, False), (3, False)
    ]  # fmt: skip
    assert found.nodes[1].read == {"orders": 3}
    assert found.nodes[1].zh == "订单数 >= 2"
    assert found.nodes[4].read["Product Viewed"] == 3
    assert not shop.why("fond", "member_no:M3").nodes[1].holds


def test_what_stands_on_others_names_them(shop):
    found = shop.why("lifecycle_stage", "member_no:M25")
    assert {one.column for one in found.inputs} == {"recency_days", "first_order_days", "order_days"}
    assert all(0 < one.place <= 1 for one in found.inputs)


def test_a_trait_names_load_and_row(shop):
    found = shop.why("city", "member_no:M25")
    [row] = found.rows
    assert (found.kind, found.value, row["value"], row["source"]) == ("stated", "杭州", "杭州", "members")
    assert row["file"].endswith("members.csv")
    assert {"load", "row", "happened_at"} <= set(row)
    assert shop.why("is_identified", "member_no:M25").kind == "built"


def test_who_may_not_see_is_told_nothing(shop):
    clerk = shop.acting(Actor("li", frozenset({"analyst"})))
    with pytest.raises(Refused, match="personal"):
        clerk.why("姓名", "member_no:M25")
    assert shop.why("姓名", "member_no:M25").value == "王25"
    branch = shop.acting(Actor("b", scope=frozenset()))
    with pytest.raises(NotFound):
        branch.why("orders", "member_no:M25")


@pytest.mark.parametrize("name", ["ordrs", "address.email", "没有的"])
def test_what_is_not_there(shop, name):
    with pytest.raises(NotFound):
        shop.why(name, "member_no:M25")
