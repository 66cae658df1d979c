"""Taxonomies: the one that comes with the product, those of a workspace, CSV files, and the signs that lead to nodes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from limner.core.errors import LimnerError
from limner.flow.tags.definition import Branch, Sign, Taxonomy
from limner.flow.tags.taxonomies import built_in, find, tree, trees
from limner.flow.tags.taxonomies.reading import read_csv
from limner.flow.tags.taxonomies.signs import signs_of
from limner.store.definitions import Definitions

BRANCHES = [
    "交通",
    "新闻资讯",
    "服饰鞋帽箱包",
    "教育",
    "生活服务",
    "金融",
    "商业服务",
    "娱乐休闲",
    "孕产育儿",
    "旅游",
    "房产",
    "游戏",
    "餐饮美食",
    "医疗健康",
    "体育运动",
    "美容个护",
    "家居",
    "互联网电子产品",
]
WIDE = "一级类目，二级类目，英文名，半衰期\n旅游，机票，Flights，14\n，酒店，Hotels，\n游戏，，Games，\n"
ROWS = "编号,名称,上级编号\n1,旅游,\n2,机票,1\n3,国内机票,2\n"


def paths(text, place="t.csv"):
    return [branch.path for branch in read_csv(text, place)]


def test_the_default_tree_has_its_branches_and_four_levels_in_both_languages():
    default = built_in()
    assert [node.path for node in default.nodes if node.level == 1] == BRANCHES
    assert default.counts() == (18, 124, 256, 313)
    assert all(node.path_en for node in default.nodes)
    assert {node.path for node in default.nodes} >= {"教育/兴趣培训/书法/硬笔书法", "旅游/机票/国内机票"}
    assert not [node.path for node in default.nodes if not re.fullmatch(r"[\w/]+", node.path)]


def test_a_node_knows_what_stands_below_it():
    default = built_in()
    for node in default.nodes:
        inside = {other.path for other in default.nodes[node.code : node.end]}
        assert inside == {o.path for o in default.nodes if o.path == node.path or o.path.startswith(f"{node.path}/")}
        assert [above.path for above in default.above(node)] == [
            "/".join(node.names[:n]) for n in range(node.level - 1, 0, -1)
        ]


def test_levels_may_stand_side_by_side_or_as_parents():
    assert paths(WIDE) == ["旅游/机票", "旅游/酒店", "游戏"]
    assert paths(ROWS) == ["旅游", "旅游/机票", "旅游/机票/国内机票"]
    assert paths("level_1;level_2\nTravel;Flights\n") == ["Travel/Flights"]
    assert paths("\ufeff名称\t上级\n酒店\t旅游\n旅游\t\n") == ["旅游/酒店", "旅游"]
    assert paths("一级,二级\n数码,手机/平板\n") == ["数码/手机·平板"]
    assert read_csv(WIDE, "t.csv")[0] == Branch("旅游/机票", "Flights", timedelta(days=14))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "t.csv: no columns of a taxonomy among a, b"),
        ("", "among nothing"),
        ("一级,二级\n,机票\n", "t.csv, row 2: the level above '机票'"),
        ("一级,二级\n旅游,机票\n旅游,机票\n", "row 3: '旅游/机票' stands in row 2 already"),
        ("名称,上级\n机票,旅行\n旅游,\n", "row 2: there is no node '旅行' for '机票'"),
        ("名称,上级\n甲,乙\n乙,甲\n", "row 2: '甲' stands under itself"),
        ("名称,上级\n甲,乙\n乙,\n乙,\n", "row 2: '乙' names several nodes"),
        ("编号,名称,上级\n1,a,\n2,b,1\n3,c,2\n4,d,3\n5,e,4\n", "row 6: 'a/b/c/d/e' has 5 levels, at most 4"),
        ("一级,半衰期\n旅游,soon\n", "row 2: the half-life 'soon'"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_row(text, said):
    with pytest.raises(LimnerError, match=re.escape(said)):
        read_csv(text, "t.csv")


@pytest.mark.parametrize(
    ("taxonomy", "said"),
    [
        (Taxonomy("t"), "there is no node"),
        (Taxonomy("t", nodes=(Branch("a//b"),)), "without a name"),
        (Taxonomy("t", nodes=(Branch("a/b/c/d/e"),)), "5 levels"),
        (Taxonomy("t", nodes=(Branch("a"), Branch("a"))), "stands here twice"),
        (Taxonomy("t", like="defualt"), "Did you mean 'default'"),
        (Taxonomy("t", nodes=(Branch("旅游"),), signs=(Sign("旅行", item="1"),)), "no node '旅行'"),
        (Taxonomy("t", nodes=(Branch("旅游"),), signs=(Sign("旅游"),)), "exactly one of"),
        (Taxonomy("t", nodes=(Branch("旅游"),), signs=(Sign("旅游", item="1", keyword="x"),)), "exactly one of"),
    ],
)
def test_a_wrong_taxonomy_is_refused_with_its_place(taxonomy, said):
    with pytest.raises(LimnerError, match=said) as raised:
        tree(taxonomy, "taxonomies/t")
    assert "taxonomies/t" in str(raised.value)


def test_a_taxonomy_grows_from_the_default_one_and_half_lives_are_inherited():
    own = Taxonomy("own", like="default", nodes=(Branch("旅游", half_life=timedelta(days=14)), Branch("宠物/猫/英短")))
    found = trees(Definitions({"taxonomies": {"own": own}}, {}))["own"]
    assert found.counts() == (19, 125, 257, 313)
    assert found.by_path["旅游/机票/国内机票"].half_life == timedelta(days=14)
    assert found.by_path["旅游"].path_en == "Travel"
    assert found.by_path["游戏"].half_life is None
    assert found.mark != built_in().mark


def test_an_unknown_taxonomy_is_named_with_what_was_meant():
    with pytest.raises(LookupError, match="Did you mean 'default'"):
        find(trees(Definitions()), "defalt")


SIGNED = tree(
    Taxonomy(
        "own",
        like="default",
        signs=(
            Sign("旅游/机票", item="sku1"), Sign("家居/家具", category="客厅 / 坐具"), Sign("家居", prefix="客厅"),
            Sign("家居/灯具", prefix="客厅/灯"), Sign("金融/保险", keyword="保单"),
        ),
    ),
    "here",
)  # fmt: skip


@pytest.mark.parametrize(
    ("item", "category", "text", "path"),
    [
        ("sku1", "客厅/坐具", "", "旅游/机票"),
        ("sku2", "客厅/坐具", "", "家居/家具"),
        ("", "客厅/灯/吊灯", "", "家居/灯具"),
        ("", "客厅/花瓶", "", "家居"),
        ("", "女装/连衣裙", "", "服饰鞋帽箱包/女装/连衣裙"),
        ("", "女装/上装", "", "服饰鞋帽箱包/女装"),
        ("", "旅游/机票/国内机票", "", "旅游/机票/国内机票"),
        ("", "Travel/Flights", "", "旅游/机票"),
        ("", "ＳＨＯＥＳ", "", "服饰鞋帽箱包/鞋"),
        ("", "夏季连衣裙特卖", "", "服饰鞋帽箱包/女装/连衣裙"),
        ("", "", "硬笔书法字帖", "教育/兴趣培训/书法/硬笔书法"),
        ("", "", "我的保单", "金融/保险"),
        ("sku2", "杂项", "", None),
        ("", "", "", None),
    ],
)
def test_the_most_exact_sign_speaks(item, category, text, path):
    code = signs_of(SIGNED)(item, category, text)
    assert (None if code is None else SIGNED.nodes[code].path) == path


def test_every_node_is_led_to_by_its_own_path():
    signs, default = signs_of(built_in()), built_in()
    assert [n.path for n in default.nodes if signs("", n.path, "") != n.code] == []
    assert [n.path for n in default.nodes if signs("", n.path_en, "") != n.code] == []
