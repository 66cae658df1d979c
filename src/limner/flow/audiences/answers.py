"""A column's answers as codes of one byte: which of the answers a portrait shows each customer gives.

Which answers there are is read off a base (all customers, as a rule), never off the audience.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from limner.core.exact import WEIGHT_UNIT, from_units
from limner.core.rule import And, Compare, Rule, text
from limner.flow.audiences.buckets import FEW_VALUES, MOST_TEXTS, QUANTILES
from limner.store.gallery import Column
from limner.store.gallery.bits import Words, unpack

SAMPLE: Final = 1 << 18
"""Customers, evenly spaced, that the edges of buckets are read off; fewer are all looked at."""
_GLANCE: Final = 1 << 10
"""Answers looked at first, to see that there are more than a few."""
_CHUNK: Final = 1 << 16
Bytes: TypeAlias = NDArray[np.uint8]
Array: TypeAlias = NDArray[Any]
Coder: TypeAlias = Callable[[Array], Bytes]


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a column. A customer's code is 0 where the answer is unknown, else its place from 1;
    `has_others`: one code more, for answers that are not shown. `rules` select those who answer so."""

    column: str
    labels: tuple[str, ...]
    rules: tuple[str, ...]
    has_others: bool = False

    @property
    def many(self) -> int:
        """How many codes there are."""
        return len(self.labels) + 1 + self.has_others

    def counts(self, tally: Sequence[int]) -> tuple[list[int], int]:
        """Customers per answer, and those whose answer is known, of the customers per code."""
        return list(tally[1 : len(self.labels) + 1]), sum(tally[1:])


def answers_of(column: Column, base: Words, size: int) -> tuple[Answers, Bytes] | None:
    """The answers of one column and the codes of `size` customers; None when nobody in the base has a known answer.

    Yes/no columns give two, text columns their 20 most frequent, numbers with at most 8 different values those, other
    numbers five between the base's quintiles, read off at most 262,144 of its customers, evenly spaced.
    """
    known = column.known(size)
    in_base = unpack(known & base, size)
    if not in_base.any():
        return None
    match column.header.type:
        case "bool":
            found, codes = _yes_no(column, size)
        case "text":
            found, codes = _texts(column, in_base)
        case _:
            found, codes = _numbers(column, in_base)
    if column.valid is not None or column.header.rows < size:
        codes *= unpack(known, size).view(np.uint8)
    return found, codes


def _yes_no(column: Column, size: int) -> tuple[Answers, Bytes]:
    name = column.header.name
    rules = (Compare(name, "==", False), Compare(name, "==", True))  # noqa: FBT003 - the value of a yes/no column
    codes = unpack(column.yes(size), size).view(np.uint8)
    codes += 1
    return Answers(name, ("no", "yes"), tuple(map(text, rules))), codes


def _texts(column: Column, in_base: NDArray[np.bool_]) -> tuple[Answers, Bytes]:
    rows, many = min(column.header.rows, in_base.size), len(column.words)
    shown = list(range(many))
    if many > MOST_TEXTS:
        sizes = np.zeros(many, np.int64)
        for first in range(0, rows, _CHUNK):
            part = slice(first, min(first + _CHUNK, rows))
            sizes += np.bincount(column.values[part][in_base[part]], minlength=many)
        shown = [code for code in np.argsort(-sizes, kind="stable")[:MOST_TEXTS].tolist() if sizes[code]]
    places = np.full(many, len(shown) + 1, np.uint8)
    places[shown] = np.arange(1, len(shown) + 1)
    labels = tuple(column.words[code] for code in shown)
    codes = _coded(column, in_base.size, lambda values: places[values])
    return _each(column, labels, labels, has_others=many > len(shown)), codes


def _numbers(column: Column, in_base: NDArray[np.bool_]) -> tuple[Answers, Bytes]:
    seen = _seen(column, _drawn(in_base))
    few = np.unique(seen[:_GLANCE])
    few = np.unique(seen) if few.size <= FEW_VALUES else few
    if few.size <= FEW_VALUES:
        codes = _coded(column, in_base.size, _among(few))
        if not ((codes == few.size + 1) & in_base).any():
            said, asked = [_said(column, v) for v in few.tolist()], [_asked(column, v) for v in few.tolist()]
            return _each(column, said, asked, has_others=True), codes
    name = column.header.name
    edges = np.unique(np.quantile(seen, QUANTILES, method="inverted_cdf"))
    said, asked = [_said(column, edge) for edge in edges.tolist()], [_asked(column, edge) for edge in edges.tolist()]
    labels = (f"≤ {said[0]}", *(f"({low}, {high}]" for low, high in pairwise(said)), f"> {said[-1]}")
    between = (And((Compare(name, ">", low), Compare(name, "<=", high))) for low, high in pairwise(asked))
    rules: tuple[Rule, ...] = (Compare(name, "<=", asked[0]), *between, Compare(name, ">", asked[-1]))
    return Answers(name, labels, tuple(map(text, rules))), _coded(column, in_base.size, _between(edges))


def _each(column: Column, labels: Sequence[str], values: Sequence[str | int | Decimal], *, has_others: bool) -> Answers:
    rules = tuple(text(Compare(column.header.name, "==", value)) for value in values)
    return Answers(column.header.name, tuple(labels), rules, has_others)


def _between(edges: Array) -> Coder:
    """1 up to the first edge, 2 up to the second, and so on."""

    def code(values: Array) -> Bytes:
        found = np.ones(values.size, np.uint8)
        for edge in edges:
            found += values > edge
        return found

    return code


def _among(few: Array) -> Coder:
    """The place of each value from 1; one more than there are for all others."""

    def code(values: Array) -> Bytes:
        found = np.full(values.size, few.size + 1, np.uint8)
        for place, value in enumerate(few, 1):
            np.copyto(found, np.uint8(place), where=values == value)
        return found

    return code


def _drawn(in_base: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Some of those in the base, evenly spaced; where few are there, all are looked for."""
    step = max(1, in_base.size // (4 * SAMPLE))
    places = np.flatnonzero(in_base[::step]) * step
    if places.size < SAMPLE:
        places = np.flatnonzero(in_base)
    return places[:: max(1, -(-places.size // SAMPLE))]


def _seen(column: Column, places: NDArray[np.int64]) -> Array:
    """The values of some customers as they are stored."""
    if not column.header.is_sparse:
        return column.values[places]
    found = np.zeros(places.size)
    numbers, weights = column.entries()
    if numbers.size:
        at = np.minimum(np.searchsorted(numbers, places), numbers.size - 1)
        found = np.where(numbers[at] == places, weights[at] / WEIGHT_UNIT, 0.0)
    return found


def _coded(column: Column, size: int, code: Coder) -> Bytes:
    """The codes of all customers, a stretch at a time; 0 past the end of the column."""
    rows = min(column.header.rows, size)
    if column.header.is_sparse:
        codes = np.full(size, code(np.zeros(1))[0], np.uint8)
        numbers, weights = column.entries()
        codes[numbers] = code(weights / WEIGHT_UNIT)
        return codes
    codes, values = np.zeros(size, np.uint8), column.values
    if values.dtype.kind == "i" and values.dtype.itemsize <= 2 and column.header.type != "text":
        limits = np.iinfo(values.dtype)
        table = np.roll(code(np.arange(limits.min, limits.max + 1)), limits.min)
        values, code = values.view(f"u{values.dtype.itemsize}"), table.__getitem__
    for first in range(0, rows, _CHUNK):
        codes[first : min(first + _CHUNK, rows)] = code(values[first : min(first + _CHUNK, rows)])
    return codes


def _asked(column: Column, value: float) -> int | Decimal:
    """A stored number as a rule says it, exactly."""
    if column.header.type == "money":
        return from_units(int(value))
    return Decimal(repr(float(value))) if column.header.type == "float" else int(value)


def _said(column: Column, value: float) -> str:
    """A stored number as a reader sees it."""
    if column.header.type == "money":
        amount = from_units(int(value)).normalize()
        return format(amount if amount != amount.to_integral_value() else Decimal(int(amount)), "f")
    return f"{value:g}" if column.header.type == "float" else str(int(value))
