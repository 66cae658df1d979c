"""Small tables for a terminal; Chinese characters take two cells."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns in line: the first to the left, the others to the right.

    >>> print(table(["城市", "n"], [["上海", "12"], ["x", "3"]]))
    城市   n
    上海  12
    x      3
    """
    kept = [list(heads), *map(list, rows)]
    widths = [max(_cells(row[i]) for row in kept) for i in range(len(heads))]
    return "\n".join("  ".join(_placed(row[i], widths[i], i) for i in range(len(heads))).rstrip() for row in kept)


def shown(count: int | None) -> str:
    """A count; – where it may not be told."""
    return "–" if count is None else f"{count:,}"


def _placed(text: str, width: int, column: int) -> str:
    room = " " * (width - _cells(text))
    return text + room if column == 0 else room + text


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
