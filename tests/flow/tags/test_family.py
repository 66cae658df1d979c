"""Families: every member is what a tag of its own would answer, in both ways of computing them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from limner.core.errors import BadDefinition
from limner.core.ours import Tag
from limner.flow.tags.axes import MOST, axes_of, names_of
from limner.flow.tags.tag import ground_of, lineage_of, prepare, said
from limner.store.definitions import Definitions
from limner.store.lake.dialects import DIALECTS
from shop import open_shop
from tagging import ASOF, DAYS_MORE, answers, compute, market, put_links, whole_market

WINDOWS = {"within": ["30d", "90d", "all"]}
SPEND = Tag(
    "spend",
    kind="family",
    name="品类消费",
    over="lines",
    sql="sum(amount)",
    matching="is_order",
    type="money",
    otherwise=0,
    options={
        "member": "{window}{thing}消费",
        "member_en": "{thing} spend, {window}",
        "axes": {"window": WINDOWS, "thing": {"each": "top_category"}},
    },
)
ORDERS = Tag(
    "busy",
    kind="family",
    over="orders",
    sql="count(*)",
    matching="is_order",
    otherwise=0,
    options={
        "axes": {
            "window": WINDOWS,
            "part": {"cases": {"night": "hour >= 22", "weekend": {"matching": "weekday >= 5", "name": "周末"}}},
        }
    },
)
VIA = Tag(
    "via_days",
    kind="family",
    over="orders",
    sql="count(distinct day)",
    options={"axes": {"via": {"each": "via", "among": {"web": {"name": "网站", "name_en": "Web"}, "tv": "电视"}}}},
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    opened = open_shop(tmp_path_factory.mktemp("family") / "shop")
    whole_market(opened, events=1500)
    yield opened
    opened.close()


def alike(tag, name, matching="", within=None):
    """The tag that a member stands for, written alone."""
    whole = " and ".join(f"({text})" for text in (tag.matching, matching) if text)
    span = None if within in (None, "all") else timedelta(days=int(within[:-1]))
    return replace(tag, id=name, kind="statistic", matching=whole, within=span, options={})


def test_members_are_what_single_tags_would_be(stores):
    windows = WINDOWS["within"]
    singles = {
        f"spend.{window}.{thing}": alike(SPEND, f"s{place}{window}", f"top_category = '{thing}'", window)
        for place, thing in enumerate(("女装", "鞋", "配饰"))
        for window in windows
    }
    cases = {"night": "hour >= 22", "weekend": "weekday >= 5"}
    singles |= {
        f"busy.{window}.{part}": alike(ORDERS, f"b{part}{window}", condition, window)
        for part, condition in cases.items()
        for window in windows
    }
    singles |= {f"via_days.{via}": alike(VIA, f"via_{via}", f"via = '{via}'") for via in ("web", "tv")}
    known = [SPEND, ORDERS, VIA, *singles.values()]
    version, done = compute(stores, known, only=[tag.id for tag in known])
    families = {column for name in ("spend", "busy", "via_days") for column in done.columns[name]}
    assert families == set(singles)
    for member, single in singles.items():
        found, alone = answers(version, member), answers(version, single.id)
        if single.otherwise is None:
            alone = [None if value == 0 else value for value in alone]
        assert found == alone, member
        assert version.headers[member].type == single.type
    assert any(value for value in answers(version, "spend.90d.女装"))


def test_one_pass_however_many_values(stores):
    _, alone = compute(stores, [SPEND], only=["spend"])
    assert alone.scans == 1
    assert len(alone.columns["spend"]) == 9


def test_members_do_not_see_past_the_asof(tmp_path):
    opened = open_shop(tmp_path / "shop")
    whole_market(opened, events=400)
    before, done = compute(opened, [SPEND, ORDERS, VIA], only=["spend", "busy", "via_days"])
    market(opened, seed=5, events=300, start=ASOF, end=ASOF + DAYS_MORE, batch="later")
    after, again = compute(opened, [SPEND, ORDERS, VIA], only=["spend", "busy", "via_days"])
    assert done.columns == again.columns
    for columns in done.columns.values():
        for column in columns:
            assert answers(before, column) == answers(after, column)
            assert before.column(column).values.tobytes() == after.column(column).values.tobytes()
    opened.close()


def test_a_member_no_longer_found_is_gone(stores):
    version, _ = compute(stores, [SPEND], only=["spend"])
    narrow = replace(SPEND, matching="is_order and top_category = '鞋'")
    fresh, done = compute(stores, [narrow], only=["spend"], base=version)
    assert set(done.columns["spend"]) == {f"spend.{window}.鞋" for window in ("30d", "90d", "all")}
    assert {name for name in fresh.headers if name.startswith("spend.")} == set(done.columns["spend"])


def test_nothing_known_of_nobody(tmp_path):
    opened = open_shop(tmp_path / "shop")
    put_links(opened, [])
    version, done = compute(opened, [SPEND, VIA], only=["spend", "via_days"], size=2)
    assert done.columns["spend"] == ()
    assert answers(version, "via_days.tv") == [None, None]
    opened.close()


def test_names_in_both_languages():
    assert names_of(SPEND, "spend.90d.女装") == ("近90天女装消费", "女装 spend, last 90 days")
    assert names_of(SPEND, "spend.all.T.恤") == ("累计T.恤消费", "T.恤 spend, all time")
    assert names_of(SPEND, "orders") == ("", "")


def test_what_a_family_reads(stores):
    found = lineage_of(Definitions({"tags": {"busy": ORDERS}}, {}), ground_of(stores, ASOF), "busy")
    assert found.columns == ("hour", "is_order", "weekday")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("tag", [SPEND, ORDERS, VIA], ids=lambda tag: tag.id)
def test_a_family_is_said_in_every_dialect(stores, tag, dialect):
    known = Definitions({"tags": {tag.id: tag}}, {})
    assert said(known, ground_of(stores, ASOF, {"links": "links-1"}), tag.id, dialect).startswith("SELECT")


def axes(**said):
    return replace(SPEND, options={"axes": said})


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (axes(), "tag_option_bad"),
        (axes(window=["30d"]), "tag_axis_bad"),
        (axes(window={"within": ["30d", "30d"]}), "tag_axis_bad"),
        (axes(window={"within": ["soon"]}), "tag_axis_bad"),
        (axes(window={"within": ["30d"]}, other={"within": ["60d"]}), "tag_axis_bad"),
        (axes(thing={"each": "top_category"}, other={"each": "item_id"}), "tag_axis_bad"),
        (axes(thing={"each": "top_category", "amnog": ["鞋"]}), "tag_axis_bad"),
        (axes(thing={"each": ""}), "tag_axis_bad"),
        (axes(part={"cases": {"a b": "is_order"}}), "tag_axis_bad"),
        (axes(part={"cases": {"a": ""}}), "tag_axis_bad"),
        (replace(axes(window=WINDOWS), within=timedelta(days=3)), "tag_option_bad"),
        (replace(SPEND, options={**SPEND.options, "member": "{windwo}{thing}"}), "tag_member_names_axis"),
        (replace(SPEND, options={**SPEND.options, "member": "{thing}"}), "tag_option_bad"),
        (replace(SPEND, options={**SPEND.options, "axis": {}}), "tag_option_bad"),
    ],
)
def test_axes_that_cannot_be(tag, code):
    with pytest.raises(BadDefinition) as caught:
        axes_of(tag, "here")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (replace(SPEND, sql=""), "tag_field_needed"),
        (axes(thing={"each": "top_categry"}), "column_unknown"),
        (axes(part={"cases": {"a": "hour > 3; drop table links"}}), None),
        (axes(part={"cases": {"a": "hour in (select 1)"}}), None),
        (axes(thing={"each": "item_id", "among": [f"i{n}" for n in range(MOST + 1)]}), "tag_family_large"),
        (
            axes(
                thing={"each": "item_id", "among": [f"i{n}" for n in range(MOST // 2)]},
                window={"within": ["1d", "2d", "3d"]},
            ),
            "tag_family_large",
        ),
    ],
)
def test_families_that_cannot_be(stores, tag, code):
    with pytest.raises(BadDefinition) as caught:
        prepare(Definitions({"tags": {"spend": tag}}, {}), ground_of(stores, ASOF), ["spend"])
    assert code in (None, caught.value.code)
