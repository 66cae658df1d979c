"""Rule tags over columns that are not called as their tags are: members, nodes, levels, categories."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlglot

from limner.core.errors import BadDefinition
from limner.core.ours import Tag
from limner.flow.tags.tag import ground_of, lineage_of, prepare, said, stands_on
from limner.store.definitions import Definitions
from limner.store.lake.dialects import DIALECTS
from shop import open_shop
from tagging import ASOF, answers, compute, whole_market

SPEND = Tag(
    "spend",
    kind="family",
    over="lines",
    sql="sum(amount)",
    matching="is_order",
    type="money",
    options={
        "member": "{window}{thing}消费",
        "member_en": "{thing} spend, {window}",
        "axes": {"window": {"within": ["30d", "90d"]}, "thing": {"each": "top_category"}},
    },
)
BUSY = Tag("busy", kind="family", over="orders", sql="count(*)", otherwise=0,
           options={"axes": {"part": {"cases": {"night": "hour >= 18"}}}})  # fmt: skip
TREE = Tag("tree", kind="interest_tree", type="float", half_life=timedelta(days=30), options={"taxonomy": "own"})
RARE = Tag("rare", kind="interest_tree", type="float", options={"taxonomy": "own", "rarity": True, "preference": True})
OWN = {"nodes": [{"path": "女装"}, {"path": "女装/连衣裙"}, {"path": "女装/上衣"}, {"path": "鞋"}, {"path": "配饰"}]}


def rule(name, text):
    return Tag(name, kind="rule", type="bool", rule=text)


def known(*tags):
    from limner.core.definition import read
    from limner.flow.tags.definition import Taxonomy

    taxonomy = read(Taxonomy, {"id": "own", **OWN}, "taxonomies/own")
    found = {tag.id: tag for tag in (SPEND, BUSY, TREE, RARE, *tags)}
    return Definitions({"tags": found, "taxonomies": {"own": taxonomy}}, {})


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    opened = open_shop(tmp_path_factory.mktemp("columns") / "shop")
    whole_market(opened, events=1500)
    yield opened
    opened.close()


def asked(stores, *tags, only=None, **more):
    return compute(stores, known(*tags), only=only or [tag.id for tag in tags], **more)


RULES = {
    "by_id": ("spend.90d.女装 > 500", lambda get: (get("spend.90d.女装") or 0) > 500),
    "by_name": ("近30天鞋消费 > 1 or `配饰 SPEND, last 90 days` >= 300",
                lambda get: (get("spend.30d.鞋") or 0) > 1 or (get("spend.90d.配饰") or 0) >= 300),
    "by_case": ("busy.night >= 2", lambda get: get("busy.night") >= 2),
    "by_node": ("tree.女装 > 3 and not tree.女装/上衣 > 2", lambda get: get("tree.女装") > 3 and not get("tree.女装/上衣") > 2),
    "by_rare": ("rare.鞋 > 2 or rare.p.鞋 > 0.4", lambda get: get("rare.鞋") > 2 or (get("rare.p.鞋") or 0) > 0.4),
    "by_level": ("rfm.r >= 4", lambda get: (get("rfm.r") or 0) >= 4),
    "by_heaviest": ("top_interest == '鞋'", lambda get: get("top_interest") == "鞋"),
    "by_category": ("interest.鞋 > 1", lambda get: (get("interest.鞋") or 0) > 1),
    "by_none": ("not spend.90d.帽子 > 0", lambda get: True),
    "by_both": ("by_id or by_node", lambda get: get("by_id") or get("by_node")),
}  # fmt: skip


def test_a_rule_reads_what_the_columns_say(stores):
    tags = [rule(name, text) for name, (text, _) in RULES.items()]
    version, done = asked(stores, *tags)
    for name, (_, holds) in RULES.items():
        expected = [holds(lambda c, n=number: version.column(c).value(n)) for number in range(version.size)]
        assert answers(version, name) == expected, name
        assert name in ("by_none",) or 0 < sum(expected) < version.size, name
    assert answers(version, "spend.90d.帽子") == [None] * version.size
    assert list(done.unfound) == ["by_none"]


def test_a_rule_stands_on_the_tags_of_its_columns(stores):
    tags = [rule(name, text) for name, (text, _) in RULES.items()]
    ground = ground_of(stores, ASOF, {"links": "links-1"})
    on = stands_on(known(*tags), ground)
    assert (on["by_name"], on["by_node"], on["by_none"]) == (("spend",), ("tree",), ("spend",))
    assert on["by_heaviest"] == on["by_category"] == ("interest",)
    assert lineage_of(known(*tags), ground, "by_node").tags == ("tree.女装", "tree.女装/上衣")


def test_a_member_is_there_whoever_asks_first(stores):
    """Columns left over from a version before are no words: what is read is computed."""
    version, _ = asked(stores, rule("first", "spend.90d.帽子 > 0 or spend.90d.鞋 > 0"))
    fresh, done = asked(stores, rule("second", "spend.90d.鞋 > 0"), base=version)
    assert answers(fresh, "second") == answers(version, "first")
    assert "spend.90d.帽子" not in fresh.headers
    assert done.unfound == {}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["by_id", "by_case", "by_node", "by_level", "by_category"])
def test_it_is_said_in_every_dialect(stores, name, dialect):
    definitions = known(rule(name, RULES[name][0]))
    text = said(definitions, ground_of(stores, ASOF, {"links": "links-1"}), name, dialect)
    if dialect == "duckdb":
        version, _ = asked(stores, rule(name, RULES[name][0]))
        rows = stores.lake.table(sqlglot.parse_one(text, dialect="duckdb"), versions={"links": "links-1"})
        yes = {number for number, answer in enumerate(answers(version, name)) if answer}
        assert set(rows["number"].to_pylist()) == yes


def test_what_no_select_says_is_refused(stores):
    with pytest.raises(ValueError, match="no single SELECT"):
        said(known(rule("by_rare", "rare.鞋 > 2")), ground_of(stores, ASOF, {"links": "links-1"}), "by_rare")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("spend.91d.女装 > 1", "spend.90d.女装"),
        ("tree.女装/连衣裤 > 1", "tree.女装/连衣裙"),
        ("spnd.90d.女装 > 1", "spend.90d.女装"),
        ("近91天女装消费 > 1", "近90天女装消费"),
        ("busy.nigth > 1", "busy.night"),
        ("spend.90d > 1", "spend.90d.鞋"),
        ("rfm.x > 1", "rfm.r"),
    ],
)
def test_a_column_that_cannot_be_is_named_with_what_was_meant(stores, text, meant):
    with pytest.raises(BadDefinition) as caught:
        prepare(known(rule("wrong", text)), ground_of(stores, ASOF, {"links": "links-1"}), ["wrong"])
    assert meant in caught.value.near
    assert caught.value.code == "rule_tag_unknown"


def test_a_family_itself_is_no_answer(stores):
    with pytest.raises(BadDefinition, match="no tag 'spend'"):
        prepare(known(rule("wrong", "spend > 1")), ground_of(stores, ASOF, {"links": "links-1"}), ["wrong"])


def test_a_value_nobody_shows_is_told_with_what_was_meant(stores):
    _, done = asked(stores, rule("far", "spend.90d.女妆 > 1"))
    assert done.unfound["far"].code == "tag_member_unfound"
    assert "spend.90d.女装" in done.unfound["far"].near


def test_other_kinds_stand_on_members_too(stores):
    rfm = Tag("shoes", kind="rfm", type="text", options={"money": "spend.90d.鞋"})
    version, _ = asked(stores, rfm)
    assert any(answers(version, "shoes.m"))
    with pytest.raises(BadDefinition) as caught:
        asked(stores, Tag("shoes", kind="rfm", type="text", options={"money": "tree.帽子"}))
    assert caught.value.code == "tag_column_unknown"
