"""A rule tag on a member of a family and on a node: applied, run, explained, and in the catalogue."""

import pytest

from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition
from limner.edge.show import shown
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
  purposes: [marketing]
  options: {member: "{window}看{thing}", axes: {window: {within: [30d, 90d]}, thing: {each: top_category}}}
- {id: hobby, name: 爱好, kind: interest_tree, type: float, half_life: 30d}
- {id: traveller, name: 旅行者, kind: rule, type: bool, rule: "近90天看旅游 >= 2 and hobby.旅游/机票 > 0.5"}
"""
LATE = "- {id: late, kind: rule, type: bool, rule: seen.30d.%s >= 1}\n"
VIEWS = [("M25", "旅游/机票/国内机票", "2026-08-31 10:00"), ("M25", "旅游/机票", "2026-08-02 09:00"),
         ("M3", "体育运动", "2026-08-30 10:00")]  # fmt: skip


@pytest.fixture
def shop(tmp_path):
    folder = write_shop(tmp_path / "shop", sources__clicks=CLICKS, tags__more=TAGS)
    rows = "".join(f"{who},{path},{when},i{n}\n" for n, (who, path, when) in enumerate(VIEWS))
    (folder / "data" / "clicks.csv").write_text("member,path,when,item\n" + rows, encoding="utf-8")
    with Workspace(folder) as shop:
        shop.apply()
        shop.collect()
        yield shop


def write(shop, **files):
    for name, text in files.items():
        (shop.folder / "tags" / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_it_is_answered_explained_and_catalogued(shop):
    assert shop.run("2026-09-01").unfound == {}
    assert shop.audience("旅行者").count().count == 1
    found = shop.why("旅行者", "member_no:M25")
    assert found.value is True
    assert [node.read for node in found.nodes[1:]] == [
        {"seen.90d.旅游": 2},
        {"hobby.旅游/机票": pytest.approx(1.48, 0.1)},
    ]
    assert found.nodes[1].zh == "近90天看旅游 >= 2"
    page = shop.tag("traveller")
    assert page.stands_on == ("hobby.旅游/机票", "seen.90d.旅游")
    assert page.purposes == ("marketing",)
    assert "tags/traveller" in shop.tag("hobby").page.users
    assert "tags/traveller" in shop.tag("seen").page.users


def test_before_anybody_has_the_value_nobody_has_the_tag(shop):
    shop.run("2026-09-01")
    early = shop.run("2026-08-01")
    assert early.unfound == {}  # no member of the family is there yet, so that nothing can be misspelt
    assert shop.audience("not 旅行者").count().count == early.customers
    write(shop, late=LATE % "旅游")
    shop.apply()
    assert shop.run("2026-08-01").audiences is not None
    assert shop.why("late", "member_no:M25").value is False
    assert shop.run("2026-09-01").unfound == {}
    assert shop.audience("late").count().count == 1


def test_a_value_nobody_shows_is_refused_with_what_was_meant(shop):
    shop.run("2026-09-01")
    write(shop, late=LATE % "旅遊")
    with pytest.raises(BadDefinition) as caught:
        shop.apply()
    assert (caught.value.code, caught.value.near[0]) == ("tag_member_unfound", "seen.30d.旅游")


def test_one_applied_before_anything_arrived_is_told_by_the_run(tmp_path):
    folder = write_shop(tmp_path / "shop", sources__clicks=CLICKS, tags__more=TAGS + LATE % "旅遊")
    rows = "".join(f"{who},{path},{when},i{n}\n" for n, (who, path, when) in enumerate(VIEWS))
    (folder / "data" / "clicks.csv").write_text("member,path,when,item\n" + rows, encoding="utf-8")
    with Workspace(folder) as shop:
        shop.apply()
        shop.collect()
        ran = shop.run("2026-09-01")
        assert list(ran.unfound) == ["late"]
        for lang in ("zh", "en"):
            assert "seen.30d.旅遊" in shown(ran, lang)
            assert "seen.30d.旅游" in shown(ran, lang)
        assert [error.code for error in shop.check().problems] == ["tag_member_unfound"]
