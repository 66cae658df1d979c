"""A workspace begins: empty, from a pack, and never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

import limner
from limner.app.packs import pack_folders
from limner.app.starting import init
from limner.app.workspace import Workspace
from limner.core.errors import BadInput, Clash, NotFound
from limner.core.settings import read_settings
from limner.flow.sources.guesses import Question


def test_an_empty_one_can_be_opened(tmp_path: Path) -> None:
    made = init(tmp_path / "店", locale="en")
    assert made.files == ("limner.toml",)
    assert read_settings((tmp_path / "店" / "limner.toml").read_text(encoding="utf-8"), {}).workspace.name == "店"
    keys = tmp_path / "店" / "state" / "keys"
    assert {oct(path.stat().st_mode & 0o777) for path in keys.iterdir()} == {"0o600"}
    with Workspace(tmp_path / "店") as shop:
        assert shop.diff().is_empty
    assert made.then == (f"limner apply -w {tmp_path / '店'}",)


def test_two_workspaces_have_different_keys(tmp_path: Path) -> None:
    keys = [(init(tmp_path / name), (tmp_path / name / "state/keys/hash.key").read_text())[1] for name in "ab"]
    assert keys[0] != keys[1]


@pytest.mark.parametrize("pack", sorted(pack_folders()))
def test_every_pack_is_sound_and_in_force(pack: str, tmp_path: Path) -> None:
    made = init(tmp_path / "shop", pack=pack)
    assert "limner.toml" in made.files
    with Workspace(tmp_path / "shop") as shop:
        assert shop.diff().is_empty
        found = shop.check()
        assert (found.problems, found.exit_code) == ((), 0)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    init(tmp_path / "shop")
    before = (tmp_path / "shop" / "limner.toml").read_bytes()
    for more in ({}, {"pack": "nanzhi"}):
        with pytest.raises(Clash, match="already holds a workspace"):
            init(tmp_path / "shop", **more)  # type: ignore[arg-type]
    assert (tmp_path / "shop" / "limner.toml").read_bytes() == before


def test_a_file_in_the_way_of_a_pack_is_named(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "invoices.yaml").write_text("id: mine\n", encoding="utf-8")
    with pytest.raises(Clash, match=r"invoices\.yaml"):
        init(tmp_path, pack="online_retail")
    assert not (tmp_path / "limner.toml").exists()


def test_what_is_wrong_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nanzhi"):
        init(tmp_path / "a", pack="nanzi")
    with pytest.raises(NotFound, match=r"gone\.csv"):
        init(tmp_path / "a", files=[tmp_path / "gone.csv"])
    with pytest.raises(BadInput, match="leave one out"):
        init(tmp_path / "a", pack="nanzhi", files=[tmp_path])
    (tmp_path / "b").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="is a file"):
        init(tmp_path / "b")
    assert not (tmp_path / "a").exists()


@pytest.fixture
def own_files(tmp_path: Path) -> list[Path]:
    """Two files as a shop has them: members in Excel's CSV, orders with two dates and two amounts in GB18030."""
    members = "会员号,手机号,城市,入会时间\n" + "".join(f"M{n},1381234{n:04d},上海,2025-01-05\n" for n in range(30))
    heads = "订单号,会员号,下单时间,付款时间,应付金额,实付金额\n"
    rows = (
        f"O{n},M{n % 30},2026-0{1 + n % 8}-03 10:00,2026-0{1 + n % 8}-03 10:05,{200 + n},{100 + n}\n" for n in range(60)
    )
    found = [tmp_path / "会员.csv", tmp_path / "订单.csv"]
    found[0].write_text(members, encoding="utf-8-sig")
    found[1].write_text(heads + "".join(rows), encoding="gb18030")
    return found


def test_own_files_become_a_report_with_no_mapping_written_by_hand(tmp_path: Path, own_files: list[Path]) -> None:
    made = init(tmp_path / "shop", files=own_files)
    assert {"sources/members.yaml", "sources/orders.yaml"} <= set(made.files)
    assert [command.split()[1] for command in made.then] == ["collect", "check", "report"]
    assert "ask.money" in "".join(str(draft) for draft in made.drafts)
    with limner.open(str(tmp_path / "shop")) as shop:
        assert shop.diff().is_empty
        taken = shop.collect()
        assert (taken.rows, taken.used) == (90, 90)
        assert shop.check().reconciled.paid == sum(100 + n for n in range(60))
        report = shop.report(tmp_path / "report.html")
        assert report.base.customers == 30
        assert shop.check().reconciled.difference == 0


def test_a_person_is_asked_and_the_answer_counts(tmp_path: Path, own_files: list[Path]) -> None:
    asked = []

    def payable(question: Question) -> str:
        asked.append(question.id)
        return "应付金额" if question.id == "money" else question.answer

    init(tmp_path / "shop", files=own_files, ask=payable)
    assert "money" in asked
    with Workspace(tmp_path / "shop") as shop:
        shop.collect()
        assert shop.check().reconciled.paid == sum(200 + n for n in range(60))


def test_files_that_say_nothing_make_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("foo,bar\n1,2\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"x\.csv"):
        init(tmp_path / "shop", files=[tmp_path / "x.csv"])
    assert not (tmp_path / "shop").exists()
