"""A trait that a definition promises is a word and a column before anybody has stated it, and when nobody does any more."""

import pytest

from limner.app.workspace import Workspace
from small_shop import built_shop

NEXT_SEASON = """
files: [data/later*.csv]
identifiers: {member_no: 会员号}
traits:
  size: 尺码
  spend_limit: {column: 额度, type: money}
  height: {column: 身高, type: number}
  wants_mail: {column: 要, type: bool}
  wed_at: {column: 婚期, type: date}
traits_at: 时间
"""
DECLARED = "- {id: spend_limit, type: money}\n- {id: wants_mail, type: bool}\n- {id: height, type: number}\n"
RULES = {
    "size == 'M'": ("尺码", "M"),
    "spend_limit >= 100": ("额度", "100"),
    "height > 170": ("身高", "171"),
    "wants_mail == true": ("要", "true"),
    "wed_at >= '2026-01-01'": ("婚期", "2026-05-01"),
}
FULL_NAME = "- {id: full_name, type: text, name: 姓名, is_personal: true}\n"


@pytest.fixture
def shop(tmp_path):
    home = built_shop(tmp_path / "shop")
    (home / "sources/later.yaml").write_text(NEXT_SEASON, encoding="utf-8")
    (home / "properties/all.yaml").write_text(FULL_NAME + DECLARED, encoding="utf-8")
    for number, rule in enumerate(RULES):
        (home / f"audiences/a{number}.yaml").write_text(f'rule: "{rule}"\n', encoding="utf-8")
    (home / "tags").mkdir(exist_ok=True)
    (home / "tags/tall.yaml").write_text("kind: rule\ntype: bool\nrule: height > 170\n", encoding="utf-8")
    with Workspace(home) as found:
        found.apply()
        yield found


def counts(shop):
    return {rule: shop.audience(rule).count().count for rule in (*RULES, "tall")}


def test_before_anybody_states_it_it_is_unknown_of_everybody(shop):
    ran = shop.run("2026-09-01")
    assert counts(shop) == dict.fromkeys((*RULES, "tall"), 0)
    assert {ran.audiences[f"a{number}"] for number in range(len(RULES))} == {0}
    assert shop.audience("not (size == 'M')").count().count == 40


def test_what_is_stated_later_has_the_type_that_was_promised(shop):
    before = shop.run("2026-09-01")
    heads = {name: head.type for name, head in shop.stores.gallery.version(before.version).headers.items()}
    columns = ",".join(column for column, _ in RULES.values())
    said = ",".join(value for _, value in RULES.values())
    text = f"会员号,时间,{columns}\nM1,2026-08-01,{said}\n"
    (shop.folder / "data/later.csv").write_text(text, encoding="utf-8")
    shop.collect()
    after = shop.run("2026-09-01")
    assert counts(shop) == dict.fromkeys((*RULES, "tall"), 1)
    assert {name: head.type for name, head in shop.stores.gallery.version(after.version).headers.items()} == heads


def test_a_source_that_promises_more_makes_the_portrait_stale(shop):
    shop.run("2026-09-01")
    (shop.folder / "sources/later.yaml").write_text(
        NEXT_SEASON.replace("  size: 尺码\n", "  size: 尺码\n  shoe: 鞋码\n"), encoding="utf-8"
    )
    shop.apply()
    assert not shop.run("2026-09-01").is_unchanged
    assert shop.audience("shoe == '42'").count().count == 0


def test_when_its_last_statement_has_gone_it_is_unknown_again(tmp_path):
    with Workspace(built_shop(tmp_path / "shop")) as shop:
        (shop.folder / "audiences/local.yaml").write_text("rule: city == '上海'\n", encoding="utf-8")
        (shop.folder / "retention").mkdir()
        (shop.folder / "retention/old.yaml").write_text("over: traits\nmonths: 1\n", encoding="utf-8")
        shop.apply()
        assert shop.run("2026-09-01").audiences["local"] > 0
        shop.privacy.retain(yes=True)
        assert shop.run("2026-09-01").audiences["local"] == 0
