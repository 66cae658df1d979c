"""An audience that the facts do not carry: it alone is refused, with its reason, and the run goes on."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from limner.app.workspace import Workspace
from limner.core.errors import Lacking
from limner.edge.cli import commands
from small_shop import built_shop

TOO_FEW = """
- {id: alike, selector: look_alike, options: {seeds: buyers, size: 5, reachable: none}}
- {id: grandchild, rule: in_audience("child") or orders >= 100}
- {id: child, rule: orders >= 2 and in_audience("alike")}
- {id: kept, rule: in_audience("alike"), is_frozen: true}
- {id: apart, rule: orders >= 2}
"""
REFUSED = {"alike", "child", "grandchild", "kept"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = built_shop(tmp_path_factory.mktemp("refused") / "shop")
    (home / "audiences" / "more.yaml").write_text(TOO_FEW, encoding="utf-8")
    with Workspace(home) as shop:
        shop.apply()
        shop.run("2026-09-01")
    return home


def test_the_others_are_selected_and_those_that_stand_on_it_are_not(folder):
    with Workspace(folder) as shop:
        ran = shop.run("2026-09-01")
        assert ran.is_unchanged
        assert set(ran.refused) == REFUSED
        assert set(ran.audiences) == {"buyers", "apart"}
        assert {str(why) for why in ran.refused.values()} == {str(ran.refused["alike"])}
        assert "40 seeds" in str(ran.refused["alike"])


def test_a_question_about_it_says_why(folder):
    with Workspace(folder) as shop:
        for name in sorted(REFUSED):
            with pytest.raises(Lacking, match="40 seeds"):
                shop.audience(name).count()


@pytest.mark.parametrize(("locale", "said"), [("en", "the facts do not carry it"), ("zh", "现有数据不足")])
def test_the_list_of_audiences_says_why(folder, locale, said):
    settings = folder / "limner.toml"
    kept = settings.read_text(encoding="utf-8")
    settings.write_text(kept.replace('locale = "en"', f'locale = "{locale}"'), encoding="utf-8")
    try:
        told = CliRunner().invoke(commands(), ["audiences", "-w", str(folder)], catch_exceptions=False).output
    finally:
        settings.write_text(kept, encoding="utf-8")
    assert told.count(said) == len(REFUSED)
    assert "audiences/alike" in told.splitlines()[-1]


def test_json_keeps_the_reason(folder):
    said = CliRunner().invoke(commands(), ["run", "--asof", "2026-09-01", "-w", str(folder), "--json"])
    assert "40 seeds" in json.loads(said.output)["refused"]["alike"]


def test_when_the_facts_carry_it_all_are_selected(folder):
    text = TOO_FEW.replace(
        "selector: look_alike, options: {seeds: buyers, size: 5, reachable: none}", "rule: orders >= 3"
    )
    (folder / "audiences" / "more.yaml").write_text(text, encoding="utf-8")
    with Workspace(folder) as shop:
        shop.apply()
        ran = shop.run("2026-09-01")
        assert ran.refused == {}
        assert ran.audiences["alike"] == ran.audiences["child"] == ran.audiences["kept"] > 0
