"""Saved audiences: refreshed, frozen, compared with what they were; over a shop on disk."""

import csv
import json

import pytest

from limner.app.workspace import Workspace
from limner.core.actor import Actor
from limner.core.errors import BadInput, NotFound
from limner.core.ids import customer_id
from limner.edge.plain import as_json
from limner.edge.show import shown
from small_shop import built_shop


@pytest.fixture
def folder(tmp_path):
    return built_shop(tmp_path / "shop")


def orders(folder, *rows, file="more.csv"):
    """More orders, in a file of their own."""
    with (folder / "data" / file).open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows([["订单号", "会员号", "时间", "实付"], *rows])
    return folder / "data" / file


def defined(shop, **audiences):
    for name, text in audiences.items():
        (shop.folder / "audiences" / f"{name}.yaml").write_text(text, encoding="utf-8")
    shop.apply()


def ids(shop, *members):
    from limner.app.asking import number_of

    return sorted(customer_id(shop.stores.hash_key, number_of(shop, f"member_no:{m}")) for m in members)


def test_who_came_and_who_left_since_any_refresh(folder):
    with Workspace(folder) as shop:
        defined(shop, many="rule: orders >= 4\n", few="rule: not in audience(many)\n")
        shop.run("2026-09-01")
        with pytest.raises(NotFound, match="once only"):
            shop.audience("many").changes()
        shop.collect(orders(folder, ["X1", "M29", "2026-09-01 10:00:00", "9"]), source="orders")
        shop.run("2026-09-02")
        shop.collect(orders(folder, ["X2", "M28", "2026-09-02 10:00:00", "9"], file="yet.csv"), source="orders")
        shop.run("2026-09-03")
        found = shop.audience("many").changes()
        assert (found.before, found.size, found.came, found.went) == (11, 12, 1, 0)
        assert list(found.came_ids) == ids(shop, "M28")
        whole = shop.audience("few").changes(since="2026-09-01")
        assert (whole.came, whole.went, whole.gone) == (0, 2, 0)
        assert sorted(whole.went_ids) == ids(shop, "M28", "M29")
        with pytest.raises(NotFound, match="is known from"):
            shop.audience("many").changes(since="2026-01-01")
        shop.run("2026-09-03")  # nothing is stale, and nothing is written twice
        assert shop.audience("many").changes() == found
        with pytest.raises(NotFound, match="Did you mean 'many'"):
            shop.audience("mny").changes()
        scoped = shop.acting(Actor("b", scope=frozenset()))
        assert scoped.audience("many").changes().came_ids == []


def test_a_back_fill_disturbs_nobody(folder):
    with Workspace(folder) as shop:
        defined(shop, many="rule: orders >= 4\n")
        shop.run("2026-09-01")
        shop.collect(orders(folder, ["X1", "M29", "2026-09-01 10:00:00", "9"]), source="orders")
        shop.run("2026-09-02")
        before = shop.audience("many").changes()
        shop.run("2026-02-15")
        assert shop.audience("many").changes(asof="2026-09-02") == before


def test_a_frozen_audience_keeps_its_members(folder):
    with Workspace(folder) as shop:
        defined(shop, many="rule: orders >= 4\nis_frozen: true\n", others="rule: not in audience(many)\n")
        shop.run("2026-09-01")
        first = shop.audience("many").count().count
        shop.collect(orders(folder, ["X1", "M29", "2026-09-01 10:00:00", "9"]), source="orders")
        shop.run("2026-09-02")
        assert shop.audience("many").count().count == first == 10
        assert shop.audience("orders >= 4").count().count == first + 1
        assert shop.audience("others").count().count == 40 - first
        assert shop.audience("many").explain().root.text == 'in audience("many")'
        assert "members" in shop.audience("many").count(sql="duckdb")
        assert shop.audience("many").freeze().members == first + 1
        assert shop.audience("many").count().count == first + 1
        assert shop.run("2026-09-02").audiences == {"buyers": 40, "many": first + 1, "others": 39 - first}
        with pytest.raises(BadInput, match="is_frozen: true"):
            shop.audience("others").freeze()
        defined(shop, many="rule: orders >= 1\n")
        shop.run("2026-09-02")
        assert shop.audience("many").count().count == 40


def letters(folder, name, *rows):
    with (folder / "data" / name).open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows([["手机号", "邮箱", "日期"], *rows])
    return folder / "data" / name


LETTERS = """
files: [data/letters*.csv]
identifiers: {phone: 手机号, email: 邮箱}
events:
  - {name: {constant: Letter Received}, happened_at: 日期}
"""


def test_a_frozen_member_stays_through_a_merge_and_its_undoing(folder):
    with Workspace(folder) as shop:
        (folder / "sources" / "letters.yaml").write_text(LETTERS, encoding="utf-8")
        letters(folder, "letters1.csv", ["", "x@example.com", "2026-08-01"])
        defined(shop, silent="rule: not orders >= 1\nis_frozen: true\n", also="rule: did('Letter Received')\n")
        shop.collect()
        shop.run("2026-09-01")
        assert shop.audience("silent").count().count == 1
        shop.collect(letters(folder, "letters2.csv", ["13800000035", "x@example.com", "2026-09-01"]), source="letters")
        shop.run("2026-09-02")
        (one,) = shop.audience("silent").list().rows  # who wrote is M35, whose number is the smaller
        assert [one["customer_id"]] == ids(shop, "M35")
        for name in ("silent", "also"):
            changes = shop.audience(name).changes()
            assert (changes.before, changes.size, changes.came, changes.went, changes.gone) == (1, 1, 0, 0, 0)
        shop.identity.split("member_no:M35", "email:x@example.com", reason="two persons")
        shop.run("2026-09-02")
        (again,) = shop.audience("silent").list().rows
        assert again["customer_id"] != one["customer_id"]


def test_an_erased_person_leaves_every_set_kept(folder):
    from limner.store.ledger import saved_sets

    with Workspace(folder) as shop:
        defined(shop, many="rule: orders >= 4\nis_frozen: true\n", all="selector: everyone\nrule: ''\n")
        shop.run("2026-09-01")
        shop.collect(orders(folder, ["X1", "M29", "2026-09-01 10:00:00", "9"]), source="orders")
        shop.run("2026-09-02")
        done = shop.privacy.erase("member_no:M35", yes=True, why="asked by letter")
        assert done.ledger["frozen_sets"] == 1
        (kept,) = saved_sets.frozen(shop.stores.ledger, ["many"]).values()
        assert len(kept.members) == 9
        assert shop.audience("many").count().count == 9


def test_the_list_tells_what_is_stale_and_why(folder):
    with Workspace(folder) as shop:
        assert [one.stale for one in shop.audiences()] == [("old",)]
        defined(shop, buyers="name: 买过的人\nrule: orders >= 2\n", fresh="rule: in audience(buyers) and orders < 4\n")
        found = {one.id: one for one in shop.audiences()}
        assert found["buyers"].stale == ("definition", "old")
        assert found["fresh"].stale == ("never",)
        assert found["fresh"].members is None
        assert found["fresh"].stands_on == ("buyers",)
        shop.run("2026-09-01")
        shop.collect(orders(folder, ["X1", "M1", "2026-08-30 10:00:00", "9"]), source="orders")
        assert {one.id: one.stale for one in shop.audiences()} == {
            "buyers": ("facts", "old"),
            "fresh": ("facts", "old"),
        }
        shop.run("2026-09-01")
        again = {one.id: one for one in shop.audiences()}
        assert again["buyers"].came == 1
        assert again["buyers"].stale == ("old",)
        shop.run()
        assert {one.stale for one in shop.audiences()} == {()}


def test_a_few_who_came_or_left_are_not_told_of(folder):
    toml = folder / "limner.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + "\n[privacy]\nleast_group = 5\n", encoding="utf-8")
    with Workspace(folder) as shop:
        defined(shop, many="rule: orders >= 4\n", few="rule: orders >= 100\n", most="rule: orders >= 1\n")
        shop.run("2026-09-01")
        shop.collect(orders(folder, ["X1", "M29", "2026-09-01 10:00:00", "9"]), source="orders")
        shop.run("2026-09-02")
        found = shop.audience("many").changes()
        assert (found.before, found.size, found.came, found.went) == (None, 11, None, 0)
        assert found.came_ids == []
        rows = {one.id: one for one in shop.audiences()}
        assert (rows["many"].members, rows["many"].came, rows["many"].too_few) == (11, None, ("came",))
        assert (rows["few"].members, rows["few"].too_few) == (0, ())
        for lang, few in (("en", "too few"), ("zh", "太少")):
            assert few in shown(shop.audiences(), lang)
            assert few in shown(found, lang)
        assert json.loads(as_json(found))["came"] is None
