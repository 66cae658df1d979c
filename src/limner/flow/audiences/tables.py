"""Columns of the gallery as scaled numbers and word codes: how each is read is learned once and kept with the fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadDefinition, words
from limner.maths.clusters import Rows
from limner.store.gallery.numeric import NUMERIC, numbers_at, numbers_of, stored_at, stretch

if TYPE_CHECKING:
    from limner.store.gallery import Column, Version

NOT_COMPARED = words(
    "column_not_compared",
    "The column {name!r} holds {type}: customers are not compared by it. Take numbers, days, yes or no, or words of at "
    "most {most} different kinds.",
)
MOST_WORDS: Final = 50
"""A text column with more words than this is a name or a number of somebody, not a kind."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Number:
    """How a number is read: its logarithm taken or not, its middle, its spread, and what stands for unknown (none: the
    customer is left out), as a plain value."""

    name: str
    has_log: bool
    middle: float
    spread: float
    otherwise: float | None

    def scaled(self, values: Floats) -> Floats:
        """Plain values as they are compared."""
        found: Floats = (_log(values) if self.has_log else values) - self.middle
        return found / self.spread

    def plain(self, scaled: Floats) -> Floats:
        """What `scaled` was made of."""
        values: Floats = scaled * self.spread + self.middle
        return np.sign(values) * np.expm1(np.abs(values)) if self.has_log else values


@dataclass(frozen=True, slots=True)
class Word:
    """The words of a text column by code; the code after the last is any other, and `otherwise` stands for unknown."""

    name: str
    words: tuple[str, ...]
    otherwise: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """How columns are read as rows to compare."""

    numbers: tuple[Number, ...]
    texts: tuple[Word, ...]

    def as_mapping(self) -> dict[str, Any]:
        """The table as JSON-able values."""
        return {
            "numbers": [[n.name, n.has_log, n.middle, n.spread, n.otherwise] for n in self.numbers],
            "texts": [[t.name, list(t.words), t.otherwise] for t in self.texts],
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Table:
        """The table that `as_mapping` wrote."""
        texts = (Word(name, tuple(known), other) for name, known, other in kept["texts"])
        return cls(tuple(Number(*one) for one in kept["numbers"]), tuple(texts))

    def scaled(self, plain: Floats) -> Floats:
        """Rows of plain values, shape (n, d), as they are compared."""
        return (
            np.column_stack([one.scaled(plain[:, at]) for at, one in enumerate(self.numbers)])
            if len(self.numbers)
            else plain
        )

    def plain(self, scaled: Floats) -> Floats:
        """Rows of scaled values, shape (n, d), in the units of their columns."""
        return (
            np.column_stack([one.plain(scaled[:, at]) for at, one in enumerate(self.numbers)])
            if len(self.numbers)
            else scaled
        )

    def recoded(self, other: Table, codes: Codes) -> Codes:
        """Codes of another table's words as codes of this one's, shape (n, c)."""
        found = codes.copy()
        for at, (mine, theirs) in enumerate(zip(self.texts, other.texts, strict=True)):
            known = {word: code for code, word in enumerate(mine.words)}
            code_of = [*(known.get(word, len(mine.words)) for word in theirs.words), len(mine.words)]
            found[:, at] = np.array(code_of, np.int32)[codes[:, at]]
        return found


def learned_table(
    version: Version,
    names: Sequence[str],
    numbers: Ints,
    asof_day: int,
    *,
    log: Sequence[str],
    scale: Literal["standard", "robust", "none"],
    unknown: Literal["apart", "middle", "zero"],
) -> tuple[Table, Rows, Bools]:
    """How columns are read, learned on some customers; their rows, and which of them have all answers they need."""
    kinds = {name: version.column(name).header.type for name in names}
    read: list[Number] = []
    texts: list[Word] = []
    for name, kind in kinds.items():
        if kind == "text":
            texts.append(_word(version.column(name), numbers, unknown))
        elif kind in NUMERIC:
            values = numbers_at(version.column(name), numbers, asof_day)
            read.append(_number(name, values, name in log, scale, unknown))
        else:
            raise BadDefinition(NOT_COMPARED, name=name, type=kind, most=MOST_WORDS)
    table = Table(tuple(read), tuple(texts))
    rows, known = read_rows(table, version, numbers, asof_day)
    return table, rows, known


def _number(name: str, values: Floats, has_log: bool, scale: str, unknown: str) -> Number:  # noqa: FBT001
    known = values[~np.isnan(values)]
    seen = _log(known) if has_log else known
    middle, spread = 0.0, 1.0
    if seen.size and scale == "standard":
        middle, spread = float(seen.mean()), float(seen.std())
    elif seen.size and scale == "robust":
        low, middle, high = (float(v) for v in np.quantile(seen, [0.25, 0.5, 0.75]))
        spread = (high - low) / 1.349
        spread = spread or float(seen.std())
    usual = float(np.median(known)) if known.size else 0.0
    otherwise = {"apart": None, "middle": usual, "zero": 0.0}[unknown]
    return Number(name, has_log, middle, spread if spread > 0 else 1.0, otherwise)


def _word(column: Column, numbers: Ints, unknown: str) -> Word:
    codes, known = _codes_at(column, numbers)
    tally = np.bincount(codes[known], minlength=len(column.words))
    used = np.flatnonzero(tally)
    if used.size > MOST_WORDS:
        kind = f"{used.size} different words"
        raise BadDefinition(NOT_COMPARED, name=column.header.name, type=kind, most=MOST_WORDS)
    otherwise = {"apart": None, "middle": int(np.argmax(tally[used])) if used.size else 0, "zero": used.size}[unknown]
    return Word(column.header.name, tuple(column.words[at] for at in used), otherwise)


def _log(values: Floats) -> Floats:
    """The logarithm of one more than the amount, with its sign: 0 stays 0, and a debt is as far as a wealth."""
    return np.sign(values) * np.log1p(np.abs(values))


def read_rows(table: Table, version: Version, numbers: Ints, asof_day: int) -> tuple[Rows, Bools]:
    """The rows of some customers, and which of them have all answers they need; the others' are not to be used."""
    return _read(
        table,
        numbers.size,
        lambda name: numbers_at(version.column(name), numbers, asof_day),
        lambda name: (version.column(name), *_codes_at(version.column(name), numbers)),
    )


def read_block(table: Table, version: Version, first: int, last: int, asof_day: int) -> tuple[Rows, Bools]:
    """The rows of the customers from `first`, a multiple of eight, to before `last`."""
    return _read(
        table,
        last - first,
        lambda name: numbers_of(version.column(name), first, last, asof_day),
        lambda name: (version.column(name), *stretch(version.column(name), first, last)),
    )


def _read(
    table: Table,
    many: int,
    number: Callable[[str], Floats],
    text: Callable[[str], tuple[Column, npt.NDArray[Any], Bools]],
) -> tuple[Rows, Bools]:
    is_known = np.ones(many, np.bool_)
    matrix, codes = np.empty((many, len(table.numbers)), np.float32), np.empty((many, len(table.texts)), np.int32)
    for at, how in enumerate(table.numbers):
        values = number(how.name)
        missing = np.isnan(values)
        if missing.any():
            values[missing] = 0.0 if how.otherwise is None else how.otherwise
            is_known &= ~missing if how.otherwise is None else True
        matrix[:, at] = how.scaled(values)
    for at, kind in enumerate(table.texts):
        column, stored, known = text(kind.name)
        code_of = {word: code for code, word in enumerate(kind.words)}
        lookup = np.array([code_of.get(word, len(kind.words)) for word in (*column.words, "")], np.int32)
        found = lookup[np.minimum(stored, len(column.words))]
        codes[:, at] = np.where(known, found, 0 if kind.otherwise is None else kind.otherwise)
        is_known &= known if kind.otherwise is None else True
    return Rows(matrix, codes), is_known


def _codes_at(column: Column, numbers: Ints) -> tuple[Ints, Bools]:
    stored, known = stored_at(column, numbers)
    return stored.astype(np.int64), known
