"""`check`: definitions, data and money, and an exit code that says whether all is well."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from limner.app.workspace import Workspace
from limner.flow.sources.base import Finding, checks
from small_shop import built_shop, write_shop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return built_shop(tmp_path / "shop")


def test_a_sound_shop_adds_up_to_the_cent(folder: Path) -> None:
    with Workspace(folder) as shop:
        found = shop.check()
    paid = sum(Decimal(100 + n) + Decimal("0.5") for n in range(40) for _ in range(1 + n // 10))
    assert found.exit_code == 0
    assert found.reconciled.paid == found.reconciled.net == paid
    assert found.reconciled.difference == 0
    assert found.intake.rows == found.intake.used == 180


def test_the_folder_is_checked_before_it_is_applied(folder: Path) -> None:
    (folder / "audiences" / "wrong.yaml").write_text("rule: ordres > 1\n", encoding="utf-8")
    with Workspace(folder) as shop:
        found = shop.check()
        assert found.exit_code == 1
        assert ["audiences/wrong" in str(error) for error in found.problems] == [True]
        assert shop.diff().added == ("audiences/wrong",)


def test_a_file_that_cannot_be_read_is_a_problem_not_an_end(folder: Path) -> None:
    (folder / "audiences" / "broken.yaml").write_text("rule: [\n", encoding="utf-8")
    with Workspace(folder) as shop:
        found = shop.check()
    assert found.exit_code == 1
    assert found.reconciled.paid > 0


def test_nothing_collected_is_nothing_wrong(tmp_path: Path) -> None:
    with Workspace(write_shop(tmp_path / "shop", 3)) as shop:
        found = shop.check()
    assert (found.exit_code, found.intake.rows, found.reconciled.paid) == (0, 0, 0)


def test_data_is_checked_before_a_portrait_is_built(tmp_path: Path) -> None:
    with Workspace(write_shop(tmp_path / "shop", 3)) as shop:
        shop.apply()
        shop.collect()
        found = shop.check()
    assert found.exit_code == 0
    assert found.reconciled.paid == Decimal("304.5")
    assert found.reconciled.difference is None


def test_a_finding_that_is_wrong_makes_it_fail(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(checks)
    monkeypatch.setattr(checks, "_found", {**known, "always": lambda _: [Finding("always", "wrong", "x", 1, 2, "w")]})
    with Workspace(folder) as shop:
        found = shop.check()
    assert found.exit_code == 1
    assert [finding.check for finding in found.wrong] == ["always"]


def test_it_changes_nothing(folder: Path) -> None:
    before = sorted(path.name for path in (folder / "state" / "lake").rglob("*.parquet"))
    with Workspace(folder) as shop:
        shop.check()
    assert sorted(path.name for path in (folder / "state" / "lake").rglob("*.parquet")) == before
