"""Views of a portrait: one column, or two crossed, answer by answer with index and interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from limner.core.exact import from_units
from limner.flow.audiences.portrait import Trait, marked, trait
from limner.flow.audiences.small import hidden
from limner.maths.tgi import Share
from limner.store.gallery.bits import Words, unpack

if TYPE_CHECKING:
    from limner.store.gallery import Column, Version

BANDS: Final = (18, 25, 35, 45, 55, 65)
"""Ages at which a band begins."""
_US_PER_YEAR: Final = 365.2425 * 86_400e6


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as codes (-1: unknown) of labels, in an order worth showing."""

    column: str
    codes: NDArray[np.int64]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Masks:
    """Group, base and both as yes or no per customer, with what is kept from telling."""

    group: NDArray[np.bool_]
    base: NDArray[np.bool_]
    confidence: float
    least: int

    @classmethod
    def of(cls, group: Words, base: Words, size: int, confidence: float = 0.95, least: int = 1) -> Masks:
        """The masks of two sets over `size` customers."""
        return cls(unpack(group, size), unpack(base, size), confidence, least)

    def told(self, found: Coded) -> tuple[Trait, ...]:
        """Every answer somebody in the base gives, in the order of the labels; the group's share is of its known."""
        parts = [
            np.bincount(found.codes[mask & (found.codes >= 0)], minlength=len(found.labels)).tolist()
            for mask in (self.group, self.base, self.group & self.base)
        ]
        return told(found.column, found.labels, parts, self.confidence, self.least)


def told(
    column: str,
    labels: Sequence[str],
    parts: Sequence[Sequence[int]],
    confidence: float,
    least: int,
    known: Sequence[int] | None = None,
) -> tuple[Trait, ...]:
    """Counts of group, base and both by label as traits; `known` where answers are not exclusive."""
    group, base, both = parts
    totals = [sum(part) for part in parts] if known is None else list(known)
    untold = hidden(group, least) | hidden(base, least)
    pairs = [
        trait(column, label, "", tuple(map(Share, counts, totals)), confidence)  # type: ignore[arg-type]
        for place, (label, *counts) in enumerate(zip(labels, group, base, both, strict=True))
        if counts[1] and place not in untold and totals[0]
    ]
    return tuple(marked(pairs))


def coded(version: Version, name: str, asof: datetime, placed: Mapping[str, str] | None = None) -> Coded | None:
    """A column of the gallery as codes: text by word (or by what a word is `placed` under), whole numbers by value,
    ages in bands (from a birthday too); None when the version has it not, or it can be neither."""
    header = version.headers.get(name)
    if header is None:
        return None
    column = version.column(name)
    rows = min(header.rows, version.size)
    codes = np.full(version.size, -1, np.int64)
    known = unpack(column.known(version.size), version.size)[:rows]
    values = column.values
    if header.type == "bool":
        yes = unpack(column.yes(version.size), version.size)[:rows]
        codes[:rows] = np.where(known, yes, -1)
        return Coded(name, codes, ("no", "yes"))
    if header.type == "text":
        said = [placed.get(word, "") if placed is not None else word for word in column.words]
        labels = tuple(sorted({word for word in said if word}))
        places = {label: place for place, label in enumerate(labels)}
        by_code = np.array([places.get(word, -1) for word in said] or [-1], np.int64)
        codes[:rows] = np.where(known, by_code[values[:rows]], -1)
        return Coded(name, codes, labels)
    if header.type in ("day", "instant"):
        past = int(asof.timestamp() * 1e6) - values[:rows].astype(np.int64) * (
            86_400_000_000 if header.type == "day" else 1
        )
        codes[:rows] = np.where(known & (past >= 0), _band(past / _US_PER_YEAR), -1)
        return Coded(name, codes, _BAND_LABELS)
    if name == "age":
        codes[:rows] = np.where(known, _band(values[:rows]), -1)
        return Coded(name, codes, _BAND_LABELS)
    return _whole(name, codes, values[:rows], known) if header.type == "int" else None


def _whole(name: str, codes: NDArray[np.int64], values: NDArray[np.int64], known: NDArray[np.bool_]) -> Coded | None:
    found = np.unique(values[known])
    if not 0 < found.size <= MOST_VALUES:
        return None
    codes[: values.size] = np.where(known, np.searchsorted(found, values).clip(max=found.size - 1), -1)
    return Coded(name, codes, tuple(map(str, found.tolist())))


MOST_VALUES: Final = 60
"""A view shows whole numbers that have no more different values than this."""


def _band(years: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.searchsorted(BANDS, years, side="right").astype(np.int64)


_BAND_LABELS: Final = (
    f"<{BANDS[0]}",
    *(f"{low}–{high - 1}" for low, high in pairwise(BANDS)),
    f"{BANDS[-1]}+",
)


def means(found: Coded, chosen: NDArray[np.bool_], column: Column, least: int = 1) -> dict[str, Decimal]:
    """What those of the chosen who give each answer have in a money column, on average; answers of fewer than `least`
    whose money is known, and of nobody, are left out."""
    rows, many = min(column.header.rows, found.codes.size), len(found.labels)
    here = chosen[:rows] & (found.codes[:rows] >= 0) & unpack(column.known(rows), rows)
    codes = found.codes[:rows][here]
    sums = np.bincount(codes, column.values[:rows][here].astype(np.float64), many)
    pairs = zip(found.labels, sums.tolist(), np.bincount(codes, minlength=many).tolist(), strict=True)
    return {label: round(from_units(round(total / size)), 2) for label, total, size in pairs if size >= max(least, 1)}


def crossed(first: Coded, second: Coded) -> Coded:
    """Two columns as one: the label of a cell is both labels with a tab between."""
    wide = len(second.labels)
    codes = np.where((first.codes >= 0) & (second.codes >= 0), first.codes * wide + second.codes, -1)
    labels = tuple(f"{a}\t{b}" for a in first.labels for b in second.labels)
    return Coded(f"{first.column}\t{second.column}", codes, labels)
