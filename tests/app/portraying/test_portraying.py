"""The portrait of an audience through every door, in both languages, with people in it and without."""

import json
import re
from pathlib import Path

import pytest

import limner
from limner.app.running import run
from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition, BadInput, NotFound, Refused
from limner.edge.cli import run as command
from limner.edge.report import portrait_page
from small_shop import built_shop


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    found = built_shop(tmp_path_factory.mktemp("portraying") / "shop")
    with Workspace(found) as shop:
        run(shop, "2026-08-01")
        run(shop, "2026-09-01")
    return found


@pytest.fixture
def shop(home):
    opened = limner.open(str(home))
    with opened:
        yield opened


def test_every_sentence_carries_its_number(shop):
    for lang in ("zh", "en"):
        for rule in ("orders >= 3", "买过的人", "orders > 99"):
            found = shop.audience(rule).portrait(lang=lang, belief=["orders >= 3", "city == '上海'"])
            assert found.text
            assert all(re.search(r"\d", sentence) for sentence in found.text)
            assert bool(re.search("[一-鿿]", found.text[-1].replace("上海", ""))) == (lang == "zh")


def test_provinces_follow_from_cities_and_time_from_earlier_portraits(shop):
    found = shop.audience("orders >= 2").portrait()
    provinces = {one.answer: one.base for one in found.view("province").traits}
    assert set(provinces) == {"上海", "浙江", "四川"}
    assert found.view("province").places["浙江"] == "33"
    assert sum(provinces.values()) == found.base == 40
    assert [one.asof for one in found.trend] == sorted(one.asof for one in found.trend)
    assert found.trend[-1].customers == found.group
    assert shop.audience("orders >= 2").portrait(brief=True).views == ()


def test_a_group_against_itself_is_100_in_every_view(shop):
    found = shop.audience("orders >= 2").portrait(base="orders >= 2")
    every = [*found.traits, *(one for view in found.views for one in view.traits)]
    assert every
    assert {one.tgi for one in every} == {100.0}


@pytest.mark.parametrize(
    ("rule", "base", "said"),
    [
        ("orders > 99", None, "没有的，用 limner audience funnel"),
        ("orders >= 2", "orders > 99", "「orders > 99」里没有人"),
        ("orders >= 0", None, "请收窄客群"),
        ("orders >= 2", "orders >= 2", "请收窄客群"),
    ],
)
def test_a_portrait_that_can_tell_nothing_says_what_to_do(shop, rule, base, said):
    told = shop.audience(rule).portrait(base=base, lang="zh").text
    assert said in told[-1] or said in told[1]
    assert not any("没有哪一点" in one for one in told)


def test_the_rfm_grid_shares_out_all_who_bought(shop, tmp_path):
    found = shop.audience("orders >= 2").portrait(output=tmp_path / "page.html", lang="zh")
    grid = found.view("rfm_grid")
    assert grid.columns == ("rfm.r", "rfm.f", "net_spend")
    assert sum(one.group for one in grid.traits) == found.group
    for one in grid.traits:
        recency, frequency = one.answer.split("\t")
        rule = f"rfm.r == {recency} and rfm.f == {frequency}"
        assert one.base == shop.audience(rule).count().count
        assert (one.answer in grid.spend) == (one.group > 0)
    rows = shop.audience("orders >= 2").list(limit=100).rows
    whole = sum(grid.spend[one.answer] * one.group for one in grid.traits if one.group)
    assert float(whole) == pytest.approx(sum(float(row["net_spend"]) for row in rows), rel=1e-3)
    page = Path(found.file).read_text(encoding="utf-8")
    assert "近度 × 频次" in page
    assert "人均 ¥" in page


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("rule", ["orders >= 2", "orders > 99"])
def test_the_page_stands_alone(shop, tmp_path, lang, rule):
    found = shop.audience(rule).portrait(output=tmp_path / "page.html", lang=lang, belief=["city == '<b>'"])
    page = Path(found.file).read_text(encoding="utf-8")
    assert page == portrait_page(found)
    assert f'lang="{"zh-Hans" if lang == "zh" else "en"}"' in page
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="', page)
    assert "<b>'" not in page
    assert "&lt;b&gt;" in page
    assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)


def test_a_competitors_file_in_gb18030(shop, tmp_path):
    path = tmp_path / "竞品.csv"
    path.write_bytes("标签,答案,占比,样本数\n城市,上海,20%,500\n城市,杭州,30%,500\n".encode("gb18030"))
    found = shop.audience("orders >= 1").portrait(rival=path, lang="zh")
    assert found.is_rival
    assert found.against == "竞品"
    assert {one.base for one in found.traits} == {100, 150}
    with pytest.raises(BadInput):
        shop.audience("orders >= 1").portrait(rival=path, base="买过的人")


def test_the_command_line_tells_it_and_what_is_wrong(home, capsys, tmp_path):
    folder = ["-w", str(home)]
    assert command(["audience", "portrait", "orders >= 2", *folder, "--belief", "orders >= 3"]) == 0
    told = capsys.readouterr().out
    assert "TGI" in told
    assert re.search(r"R\d F\d +\d", told)
    assert command(["audience", "portrait", "orders >= 2", *folder, "--json"]) == 0
    views = {view["key"]: view for view in json.loads(capsys.readouterr().out)["views"]}
    assert views["rfm_grid"]["spend"]
    assert command(["audience", "portrait", "orders >= 2", *folder, "--json", "--brief"]) == 0
    assert json.loads(capsys.readouterr().out)["group"] == 30
    for wrong in (["ordres > 1"], ["orders > 1", "--belief", "ordrs > 3"], ["orders > 1", "--cross", "citi", "orders"]):
        assert command(["audience", "portrait", *wrong, *folder]) == 1
        assert "Did you mean" in capsys.readouterr().err
    assert command(["audience", "portrait", "orders > 1", *folder, "-o", str(tmp_path / "page.txt")]) == 1
    assert ".html" in capsys.readouterr().err


def test_small_groups_are_kept_from_telling(home, tmp_path, monkeypatch):
    monkeypatch.setenv("LIMNER_PRIVACY_LEAST_GROUP", "12")
    with Workspace(home) as shop:
        with pytest.raises(Refused, match="fewer than 12"):
            shop.audience("orders == 1").portrait()
        found = shop.audience("orders >= 2").portrait(base="orders >= 2")
        every = [*found.traits, *(one for view in found.views for one in view.traits)]
        assert not {one.group for one in every} & set(range(1, 12))


def test_errors_are_ours(shop):
    with pytest.raises(BadDefinition):
        shop.audience("orders >").portrait()
    with pytest.raises(NotFound):
        shop.audience("orders > 1").portrait(cross=["city", "nothing"])
    with pytest.raises(NotFound):
        shop.audience("orders > 1").portrait(asof="2020-01-01")
