"""Every core type stands in docs/glossary.md, with a meaning and its Chinese word."""

from __future__ import annotations

import re
from dataclasses import is_dataclass

from house.source import ROOT
from limner.core import ours, world

ROW = re.compile(r"^\|\s*(?P<word>[^|]+?)\s*\|\s*(?P<meaning>[^|]+?)\s*\|\s*(?P<chinese>[^|]+?)\s*\|$")


def rows() -> list[dict[str, str]]:
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    found = [ROW.match(line) for line in lines]
    return [f.groupdict() for f in found if f and not set(f["word"]) <= set("-: ") and f["word"] != "word"]


def test_every_core_type_has_a_row() -> None:
    named = {word for row in rows() for word in re.findall(r"`(\w+)`", row["word"])}
    types = [
        t.__name__
        for module in (world, ours)
        for t in vars(module).values()
        if is_dataclass(t) and t.__module__ == module.__name__
    ]
    assert [name for name in types if name not in named] == []


def test_rows_have_a_meaning_and_a_chinese_word() -> None:
    assert [
        row["word"]
        for row in rows()
        if len(row["meaning"]) < 8 or not re.search(r"[一-鿿]|OneID|RFM|TGI", row["chinese"])
    ] == []


def test_no_word_stands_twice() -> None:
    words = [row["word"] for row in rows()]
    assert sorted({word for word in words if words.count(word) > 1}) == []
