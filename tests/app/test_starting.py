"""A workspace begins: empty, from a pack, and never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner.app.packs import pack_folders
from limner.app.starting import init
from limner.app.workspace import Workspace
from limner.core.errors import BadInput, Clash, NotFound
from limner.core.settings import read_settings


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
