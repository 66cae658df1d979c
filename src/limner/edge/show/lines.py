"""Aligned lines for a terminal, where a Chinese character is two columns wide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len

from limner.edge.voice import Voice

GAP = "  "


def clean(text: str) -> str:
    """A text without control characters: a name must not move the cursor or change colours.

    >>> clean("a\\x1b[31mb")
    'a·[31mb'
    """
    return "".join(char if char.isprintable() else "·" for char in text)


def padded(text: str, width: int, *, is_right: bool = False) -> str:
    """A text filled with blanks to a width in columns.

    >>> padded("订单", 6), padded("12", 4, is_right=True)
    ('订单  ', '  12')
    """
    room = " " * max(0, width - cell_len(text))
    return room + text if is_right else text + room


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> str:
    """A table with a line under its heads; the first `left` columns lean left, the others right. No rows: heads only.

    >>> print(table(["名称", "n"], [["客群", 12]]))
    名称   n
    ────────
    客群  12
    """
    body = [[clean(str(cell)) for cell in row] for row in rows]
    widths = [max(cell_len(line[at]) for line in [list(heads), *body]) for at in range(len(heads))]
    ruler = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    lines = [_row(heads, widths, left), ruler, *(_row(row, widths, left) for row in body)]
    return "\n".join(line.rstrip() for line in lines)


def _row(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    return GAP.join(padded(cell, widths[at], is_right=at >= left) for at, cell in enumerate(cells))


def pairs(rows: Iterable[tuple[str, object]], indent: str = "") -> str:
    """Words and what stands beside them, one pair a line; those without a value are left out."""
    kept = [(word, clean(str(value))) for word, value in rows if value is not None and str(value)]
    width = max((cell_len(word) for word, _ in kept), default=0)
    return "\n".join(f"{indent}{padded(word, width)}{GAP}{value}" for word, value in kept)


def reasons(counts: Mapping[str, int], section: str, voice: Voice) -> str:
    """Counts by reason, most first, in a row: no consent 12, over a cap 3."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return voice.say("sep").join(f"{clean(reason(why, section, voice))} {voice.count(n)}" for why, n in ordered)


def reason(why: str, section: str, voice: Voice) -> str:
    """A reason in words; what stands behind a colon is a reason of the gate."""
    kind, _, detail = why.partition(":")
    said = voice.word(section, kind)
    return voice.say("with_detail", word=said, detail=voice.word("why_refused", detail)) if detail else said


def blocks(*parts: str) -> str:
    """Blocks of lines, those that are empty left out."""
    return "\n".join(part for part in parts if part)
