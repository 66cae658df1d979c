"""Did and Sequence answered from events in memory: a live customer's few, or a test's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from limner.core.errors import NotFound, near, words
from limner.core.rule.tree import Did, Match, Sequence
from limner.core.spans import need_zone, window
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

    def __call__(self, leaf: Did | Sequence) -> BitMap:
        """The customers who did it before `asof`."""
        return self._did(leaf) if isinstance(leaf, Did) else self._sequence(leaf)

    def _rows(self, event: str, matching: tuple[Match, ...]) -> NDArray[np.bool_]:
        rows: NDArray[np.bool_] = (self.names == event) & (self.happened_at < micros(self.asof))
        for part in matching:
            if part.name not in self.properties:
                raise NotFound(NO_PROPERTY, near=near(part.name, self.properties), name=part.name)
            column = _column(part.name, self.properties[part.name])
            rows &= unpack(compared(column, part.op, part.value, len(rows)), len(rows))
        return rows

    def _did(self, leaf: Did) -> BitMap:
        rows = self._rows(leaf.event, leaf.matching)
        if leaf.within is not None:
            start, end = (micros(edge) for edge in window(self.asof, leaf.within, self.zone))
            rows &= (self.happened_at >= start) & (self.happened_at < end)
        found, times = np.unique(self.numbers[rows], return_counts=True)
        return BitMap(found[times >= leaf.times].tolist())

    def _sequence(self, leaf: Sequence) -> BitMap:
        steps = [self._rows(step.event, step.matching) for step in leaf.steps]
        chosen = np.flatnonzero(np.logical_or.reduce(steps))
        chosen = chosen[np.lexsort((self.happened_at[chosen], self.numbers[chosen]))]
        flags = np.stack([step[chosen] for step in steps], axis=1).tolist()
        owners, moments = self.numbers[chosen].tolist(), self.happened_at[chosen].tolist()
        within = None if leaf.within is None else leaf.within // timedelta(microseconds=1)
        found: set[int] = set()
        here: list[int | None] = []
        last: tuple[int, int] | None = None
        before: list[int | None] = []
        for owner, moment, flag in zip(owners, moments, flags, strict=True):
            if last is None or last[0] != owner:
                here = [None] * len(steps)
            if last != (owner, moment):
                before, last = list(here), (owner, moment)
            if _advance(here, before, flag, moment, within):
                found.add(owner)
        return BitMap(sorted(found))


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
