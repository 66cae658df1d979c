"""Did, Aggregate and Sequence answered from events in memory: a live customer's few, or a test's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from limner.core.errors import NotFound, near, words
from limner.core.rule.answers import compares, dated, holds_of_none
from limner.core.rule.tree import After, Aggregate, Did, Sequence, Step, Window
from limner.core.rule.windows import bounds
from limner.core.spans import need_zone
from limner.store.gallery.bits import unpack
from limner.store.gallery.column import EPOCH, Column, Header
from limner.store.gallery.compare import compared
from limner.store.gallery.encode import Encoded, encode, encode_text

NO_PROPERTY = words("event_property_unknown", "The events at hand have no property {name!r}.")


@dataclass(frozen=True, slots=True)
class Happened:
    """Events in arrays: whose, which, when (µs since 1970-01-01 UTC), and their properties as encoded columns.

    `name` tells caches which events these are. The answer of a leaf holds nobody outside `numbers`.
    """

    numbers: NDArray[np.int32]
    names: NDArray[Any]
    happened_at: NDArray[np.int64]
    asof: datetime
    zone: tzinfo
    properties: Mapping[str, Encoded] = field(default_factory=dict)
    name: str = ""

    def __call__(self, leaf: Did | Aggregate | Sequence) -> BitMap:
        """The customers who did it before `asof`; see `reader.Behaviour`."""
        match leaf:
            case Did():
                return self._did(leaf)
            case Aggregate():
                return self._aggregate(leaf)
        return self._sequence(leaf)

    def _rows(self, step: Step) -> NDArray[np.bool_]:
        rows: NDArray[np.bool_] = (self.names == step.event) & (self.happened_at < micros(self.asof))
        for part in step.matching:
            column = self._property(part.name)
            value = dated(part.value, column.header.type, self.asof, self.zone)
            rows &= unpack(compared(column, part.op, value, len(rows)), len(rows))
        return rows

    def _property(self, name: str) -> Column:
        if name not in self.properties:
            raise NotFound(NO_PROPERTY, near=near(name, self.properties), name=name)
        return _column(name, self.properties[name])

    def _inside(self, within: Window | None) -> NDArray[np.bool_]:
        """Which events lie in a window."""
        if isinstance(within, After):
            rows = self._rows(within.step)
            last: dict[int, int] = {}
            for owner, moment in zip(self.numbers[rows].tolist(), self.happened_at[rows].tolist(), strict=True):
                last[owner] = max(moment, last.get(owner, moment))
            never = np.iinfo(np.int64).max
            return self.happened_at > np.array([last.get(owner, never) for owner in self.numbers.tolist()], np.int64)
        start, end = bounds(within, self.asof, self.zone)
        found: NDArray[np.bool_] = self.happened_at < micros(end)
        return found if start is None else found & (self.happened_at >= micros(start))

    def _did(self, leaf: Did) -> BitMap:
        rows = self._rows(Step(leaf.event, leaf.matching)) & self._inside(leaf.within)
        found, times = np.unique(self.numbers[rows], return_counts=True)
        return BitMap(found[times >= leaf.times].tolist())

    def _aggregate(self, leaf: Aggregate) -> BitMap:
        rows = np.flatnonzero(self._rows(Step(leaf.event, leaf.matching)) & self._inside(leaf.within))
        told: dict[int, list[tuple[int, Any]]] = {}
        column = self._property(leaf.of) if leaf.of else None
        for row in rows.tolist():
            mine = told.setdefault(int(self.numbers[row]), [])
            value = column.value(row) if column is not None else row
            if value is not None:
                mine.append((int(self.happened_at[row]), value))
        answers = {owner: answer(leaf.function, mine) for owner, mine in told.items()}
        known = {owner: value for owner, value in answers.items() if value is not None}
        if leaf.function in ("min", "max", "first", "last") and column is not None:
            kind = column.header.type
            value = dated(leaf.value, kind, self.asof, self.zone)
            held = _column(leaf.of, property_column(leaf.of, kind, list(known.values())))
            fits = unpack(compared(held, leaf.op, value, len(known)), len(known)).tolist()
        else:
            fits = [_fits(number, leaf) for number in known.values()]
        wanted = not holds_of_none(leaf)
        return BitMap([owner for owner, fit in zip(known, fits, strict=True) if bool(fit) == wanted])

    def _sequence(self, leaf: Sequence) -> BitMap:
        steps = [self._rows(step) for step in leaf.steps]
        barred = np.logical_or.reduce([np.zeros(len(self.names), np.bool_), *map(self._rows, leaf.without)])
        chosen = np.flatnonzero(np.logical_or.reduce([*steps, barred]))
        chosen = chosen[np.lexsort((self.happened_at[chosen], self.numbers[chosen]))]
        flags = np.stack([step[chosen] for step in steps], axis=1).tolist()
        owners, moments = self.numbers[chosen].tolist(), self.happened_at[chosen].tolist()
        bars = barred[chosen].tolist()
        within = None if leaf.within is None else leaf.within // timedelta(microseconds=1)
        found: set[int] = set()
        here: list[int | None] = []
        last: tuple[int, int] | None = None
        before: list[int | None] = []
        bar, next_bar = None, None
        for owner, moment, flag, is_bar in zip(owners, moments, flags, bars, strict=True):
            if last is None or last[0] != owner:
                here, bar, next_bar = [None] * len(steps), None, None
            if last != (owner, moment):
                bar = next_bar
                before = [start if bar is None or start is None or start >= bar else None for start in here]
                last = (owner, moment)
            if _advance(here, before, flag, moment, within):
                found.add(owner)
            next_bar = moment if is_bar else next_bar
        return BitMap(sorted(found))


def answer(function: str, told: list[tuple[int, Any]]) -> Any:
    """The answer of an aggregate to (moment, value) pairs of one customer; None where there is none.

    >>> answer("last", [(1, "a"), (2, "c"), (2, "b")]), answer("avg", [(1, 1), (2, 2)]), answer("max", [])
    ('c', Fraction(3, 2), None)
    """
    values = [value for _, value in told]
    match function:
        case "count":
            return Fraction(len(values))
        case "distinct":
            return Fraction(len(set(values)))
        case "sum":
            return sum(map(Fraction, values), Fraction(0))
        case _ if not values:
            return None
        case "avg":
            return sum(map(Fraction, values), Fraction(0)) / len(values)
        case "min" | "max":
            return min(values) if function == "min" else max(values)
    return min(told)[1] if function == "first" else max(told)[1]


def _fits(number: Fraction, leaf: Aggregate) -> bool:
    many = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    op = "==" if leaf.op == "in" else leaf.op
    return any(compares(number, op, one) for one in many)  # type: ignore[arg-type]


def _advance(
    here: list[int | None], before: list[int | None], flag: list[bool], moment: int, within: int | None
) -> bool:
    """Move a customer's chains by one event; whether the sequence is complete.

    `here[k]` is the latest first instant of a chain that has reached step k, `before` the same strictly before
    `moment`: events of one instant do not follow each other.
    """
    is_done = False
    for k, is_step in enumerate(flag):
        start = moment if k == 0 else before[k - 1]
        if not is_step or start is None:
            continue
        is_in_time = within is None or moment < start + within
        if k == len(here) - 1:
            is_done |= is_in_time
        elif is_in_time or k == 0:
            known = here[k]
            here[k] = start if known is None else max(known, start)
    return is_done


def micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01 UTC."""
    return (need_zone(instant) - EPOCH) // timedelta(microseconds=1)


def property_column(name: str, type_: Any, values: list[Any]) -> Encoded:
    """The values of one property, None where an event lacks it, as `Happened` wants them."""
    if type_ == "text":
        codes, known, kept = encode_text(values)
        return encode(name, "text", codes, known, kept)
    from limner.store.gallery.encode import stored_value

    known = np.array([v is not None for v in values], np.bool_)
    return encode(name, type_, np.array([stored_value(type_, 0 if v is None else v) for v in values]), known)


def _column(name: str, encoded: Encoded) -> Column:
    """An encoded array as an open column, without a file."""
    column = Column.__new__(Column)
    is_bool = encoded.type == "bool"
    stored = np.packbits(encoded.values, bitorder="little") if is_bool else encoded.values
    has_nulls = encoded.known is not None
    column.header = Header(name, encoded.type, stored.dtype.str, len(encoded.values), "", 0, has_nulls)
    column.values = stored
    column.valid = None if encoded.known is None else np.packbits(encoded.known, bitorder="little")
    column.__dict__["words"] = encoded.words
    return column
