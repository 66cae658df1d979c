"""The catalogue: figures counted at every run, and what they say of a tag."""

import csv
import json

import numpy as np
import pytest
from pyroaring import BitMap

from limner.app.grounds import portrait_of
from limner.app.tags.pages import attention, stability
from limner.app.tags.states import woken
from limner.app.voiced import voice_of
from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition
from limner.core.ours import Tag
from limner.edge.plain import as_json
from limner.edge.show import shown
from limner.flow.tags.figures import Figures, figures
from limner.store.gallery import Gallery
from small_shop import write_shop

TAGS = """
- {id: home, name: 居住地, kind: first_last, type: text, over: events, options: {value: p_town}, declared: city,
   owner: wang, description: 从订单推断, path: 人口/居住地}
- {id: big, name: 大单客, kind: rule, type: bool, state: draft, rule: net_spend >= 200 and did(下单)}
- {id: hobby, name: 爱好, kind: interest_tree, type: float}
"""
PROPERTIES = """
- {id: full_name, type: text, name: 姓名, is_personal: true}
- {id: town, type: text, name: 收货城市, is_personal: true}
"""
ORDERS = """
name: 订单
files: [data/orders.csv]
identifiers: {member_no: 会员号}
events:
  - {name: {constant: Order Completed}, happened_at: 时间, order_id: 订单号, amount: 实付, properties: {town: 城市}}
"""
CITIES = ("上海", "杭州", "成都")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = write_shop(tmp_path_factory.mktemp("pages") / "shop", properties__all=PROPERTIES, sources__orders=ORDERS)
    with (folder / "data" / "orders.csv").open("w", encoding="utf-8-sig", newline="") as file:
        rows = [[f"O{n}", f"M{n}", "2026-07-01 10:00:00", 100 + n, CITIES[n % 3 if n % 4 else 0]] for n in range(40)]
        late = [[f"X{n}", f"M{n}", "2026-08-20 10:00:00", 500, CITIES[0]] for n in range(30)]
        csv.writer(file).writerows([["订单号", "会员号", "时间", "实付", "城市"], *rows, *late])
    with Workspace(folder) as shop:
        shop.apply()
        shop.collect()
        (folder / "tags").mkdir()
        (folder / "tags" / "more.yaml").write_text(TAGS, encoding="utf-8")
        shop.apply()
        shop.run("2026-08-01")
        shop.run("2026-09-01")
        yield shop


def test_a_page_says_what_is_known(shop):
    page = shop.tag("orders").page
    assert page.state == "published"
    assert {"audiences/buyers", "campaigns/autumn"} <= set(page.users)
    assert (page.figures.customers, page.figures.known, page.figures.quantiles[0]) == (40, 40, 1)
    assert page.newest_at.isoformat() == "2026-08-20T02:00:00+00:00"
    assert page.age.days == 11
    assert page.seconds > 0
    assert page.figures.bytes > 0
    assert page.figures.drift > 0.25
    assert page.qualities["stability"].value == 0
    assert page.sensitivity == "internal"


def test_predicted_is_held_against_declared(shop):
    page = shop.tag("居住地", "2026-08-01").page
    one = page.figures.accuracy
    right = sum(1 for n in range(40) if CITIES[n % 3 if n % 4 else 0] == CITIES[n % 3])
    assert (one.base, one.right) == (40, right)
    assert one.low < right / 40 < one.high
    assert one.usual == 14 / 40
    assert sum(n for _, _, n in one.told) == 40
    assert page.sensitivity == "personal"
    assert page.owner == "wang"
    assert [change.what for change in page.history] == ["defined"]


def test_the_list_and_its_filters(shop):
    rows = {row.id: row for row in shop.tags()}
    assert rows["big"].state == "draft"
    assert rows["orders"].coverage == 1
    assert [row.id for row in shop.tags(state="draft")] == ["big"]
    assert [row.id for row in shop.tags(owner="wang")] == ["home"]
    assert [row.id for row in shop.tags(under="人口/居住地")] == ["home"]
    assert "orders" not in {row.id for row in shop.tags(unused=True)}
    assert {row.kind for row in shop.tags(kind="rfm")} == {"rfm"}
    for lang in ("zh", "en"):
        assert "orders" in shown(shop.tags(), lang)
        assert "orders" in shown(shop.tag("orders"), lang)
        assert "home" in shown(shop.tag("home"), lang)
    assert json.loads(as_json(shop.tag("home")))["page"]["figures"]["customers"] == 40


def test_a_version_without_figures_is_counted_when_asked(shop):
    version = shop.stores.gallery.versions()
    before = shop.tag("orders").page.figures
    for name in version:
        (shop.stores.gallery.folder / name / "figures.json").unlink(missing_ok=True)
    after = shop.tag("orders").page.figures
    assert (after.known, after.quantiles, after.drift) == (before.known, before.quantiles, None)


def test_what_a_run_kept_of_its_tags_is_what_they_say_anew(shop):
    version = portrait_of(shop).version
    definitions = woken(shop.definitions)
    (kept, _), (anew, wrong) = voice_of(shop, definitions, version), voice_of(shop, definitions)
    assert not wrong
    assert set(version.labels["on"]) >= {"orders", "big", "rfm"}
    assert (kept.columns, kept.owners) == (anew.columns, anew.owners)
    assert dict(kept.on) == dict(anew.on)


def test_what_declared_names_is_checked(shop):
    file = shop.folder / "tags" / "wrong.yaml"
    for declared in ("cty", "is_identified"):
        file.write_text(f"{{id: wrong, kind: favourite, type: text, declared: {declared}, options: {{value: via}}}}")
        with pytest.raises(BadDefinition, match="declared"):
            shop.apply()
    file.unlink()


def test_formulas():
    assert [attention(("a/b",) * n).value for n in (0, 1, 2, 4)] == [0, 29, 50, 75]
    assert stability(None).value is None
    assert stability(Figures("a", 1, 1, 1, drifts=(0.05, 0.15))).value == 60


@pytest.mark.parametrize("values", [[], [3], [1, 1, 1, 5], list(range(100)), [None, None], [None, 2, 2]])
def test_figures_agree_with_counting_by_hand(tmp_path, values):
    draft = Gallery(tmp_path).draft()
    size = max(len(values), 1)
    padded = [*values, *([None] * (size - len(values)))]
    known = np.array([v is not None for v in padded])
    draft.size = size
    draft.put("x", np.array([v or 0 for v in padded]), known, type="int")
    draft.put_living(BitMap(range(size)), size)
    found = figures(draft.view(), Tag("x", otherwise=2), "x", None, asof_day=0, least=1)
    told = sorted(v for v in values if v is not None)
    assert (found.known, found.held) == (len(told), len([v for v in told if v != 2]))
    assert found.different == len(set(told))
    assert sum(found.counts) == size
    if told:
        assert (found.quantiles[0], found.quantiles[-1]) == (told[0], told[-1])
        assert set(found.quantiles) <= set(told)
    again = figures(draft.view(), Tag("x", otherwise=2), "x", found, asof_day=0, least=1)
    assert again.drift == pytest.approx(0, abs=1e-12)
    draft.discard()


RING = """
- {id: one, type: bool, kind: rule, rule: has(two)}
- {id: two, type: bool, kind: rule, rule: orders >= 1 and has(three)}
- {id: three, type: bool, kind: rule, rule: not has(one)}
- {id: behind, type: bool, kind: rule, rule: has(one)}
- {id: own, type: bool, kind: rule, rule: has(own)}
"""


def test_tags_in_a_ring_are_refused_and_the_ring_is_named(tmp_path):
    folder = write_shop(tmp_path / "shop", tags__ring=RING)
    with Workspace(folder) as shop, pytest.raises(BadDefinition) as caught:
        shop.apply()
    said = str(caught.value)
    assert "one → two → three → one" in said
    assert "own → own" in said
    assert "behind →" not in said
