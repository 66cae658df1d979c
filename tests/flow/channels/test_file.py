"""Lists for people: Excel opens them, nothing in them runs, no row stands twice."""

from __future__ import annotations

import asyncio
import csv
import errno
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from limner.core.errors import BadInput, Full
from limner.flow.channels.base import Handed, Message, Post, Rendered
from limner.flow.channels.file import FileOptions, ListFile


def _send(home: Path, batch: Sequence[Message], **options: Any) -> list[Handed]:
    kind = ListFile(FileOptions(**options), Post("guides", home, lambda: datetime(2026, 9, 1, tzinfo=UTC)))

    async def story() -> list[Handed]:
        await kind.open()
        return list(await kind.deliver(batch))

    return asyncio.run(story())


def _message(key: str, text: str = "您好", **values: object) -> Message:
    return Message(key, "M001", Rendered(text), "c1", "autumn", values=values)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


LIST = Path("lists/guides-autumn.csv")


def test_excel_opens_chinese(tmp_path: Path) -> None:
    _send(tmp_path, [_message("k1", name="王小明")], columns={"姓名": "name", "话术": "text"})
    body = (tmp_path / LIST).read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    assert body.decode("utf-8-sig") == "message_key,姓名,话术\r\nk1,王小明,您好\r\n"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+8613800138000", "'+8613800138000"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ('"=1', "'\"=1"),
        ("＝1", "'＝1"),
        ("-5", "-5"),
        ("-5.25", "-5.25"),
        ("13800138000", "13800138000"),
        ("6222021234567890123", "\t6222021234567890123"),
        ("00123", "\t00123"),
        ("a\nb,c", "a b,c"),
    ],
)
def test_a_cell_is_text_and_nothing_else(tmp_path: Path, value: str, cell: str) -> None:
    _send(tmp_path, [_message("k1", value)])
    assert _rows(tmp_path / LIST)[1][-1] == cell


def test_a_key_stands_once_whatever_it_looks_like(tmp_path: Path) -> None:
    keys = ["k1", "-k2", "0007", "123456789012345", "=k"]
    for _ in range(2):
        answers = _send(tmp_path, [_message(key) for key in keys])
        assert [(a.key, a.answer) for a in answers] == [(key, "taken") for key in keys]
    assert len(_rows(tmp_path / LIST)) == 1 + len(keys)


def test_a_row_cut_off_by_a_crash_is_written_again(tmp_path: Path) -> None:
    _send(tmp_path, [_message(f"k{n}") for n in range(3)])
    path = tmp_path / LIST
    whole = path.read_bytes()
    for cut in range(whole.rfind(b"\r\n", 0, -2) + 3, len(whole)):
        path.write_bytes(whole[:cut])
        _send(tmp_path, [_message(f"k{n}") for n in range(3)])
        assert path.read_bytes() == whole
    path.write_bytes(whole[:2])
    _send(tmp_path, [_message(f"k{n}") for n in range(3)])
    assert path.read_bytes() == whole


def test_a_full_disk_leaves_no_half_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _send(tmp_path, [_message("k1")])
    before = (tmp_path / LIST).read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Full, match="no room"):
        _send(tmp_path, [_message("k2")])
    assert (tmp_path / LIST).read_bytes() == before


def test_a_list_is_cut_by_shop(tmp_path: Path) -> None:
    shops = ["上海静安店", "../../etc/passwd", "北京 国贸店"]
    _send(tmp_path, [_message(f"k{n}", store=shop) for n, shop in enumerate(shops)], split_by="store")
    made = sorted(path.name for path in (tmp_path / "lists").iterdir())
    assert made == ["guides-autumn-etc_passwd.csv", "guides-autumn-上海静安店.csv", "guides-autumn-北京_国贸店.csv"]


def test_a_folder_outside_the_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="outside the workspace"):
        _send(tmp_path, [_message("k1")], folder="../elsewhere")


def test_other_columns_are_not_mixed(tmp_path: Path) -> None:
    _send(tmp_path, [_message("k1")])
    with pytest.raises(BadInput, match="other columns"):
        _send(tmp_path, [_message("k2")], columns={"x": "text"})
