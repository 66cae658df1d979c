"""Which identifiers a load has named and beside which: every pair once, at its earliest moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from limner.core.kinds import identifier_kind
from limner.flow.sources.known import NO_TRACE, Known

if TYPE_CHECKING:
    import pyarrow as pa

Longs = npt.NDArray[np.int64]
_LOW: Final = 32
_LOWER: Final = (1 << _LOW) - 1
"""Bits of a pair's second trace, and their mask."""


class Pairs:
    """The pairs of one run, load by load: sorted keys of two traces, and the earliest moment of each."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[Longs, Longs]] = {}
        self._last = _Last(-1)

    def new(self, rows: pa.Table, named: Sequence[str]) -> pa.Table:
        """The pairs that rows state and none before has, or only later: load, trace, with_trace, moment.

        Of each row the columns `named` have the trace of an identifier, `trace` that of the strongest: a pair is an
        identifier and the strongest one beside it, if that is another.
        """
        strongest, moment, load = (_longs(rows, name) for name in ("trace", "moment", "load"))
        loads = np.unique(load).tolist() if load.min(initial=0) != load.max(initial=0) else load[:1].tolist()
        parts = []
        for number in loads:
            mine = slice(None) if len(loads) == 1 else np.flatnonzero(load == number)
            states = [_stated(_longs(rows, name)[mine], strongest[mine], moment[mine]) for name in named]
            parts.append((number, *self._of_load(number, states, is_alone=len(loads) == 1)))
        return _table(parts)

    def _of_load(self, number: int, states: Sequence[_Stated], *, is_alone: bool) -> tuple[Longs, Longs]:
        """The new pairs of a load: keys and moments."""
        if is_alone:
            if self._last.load != number:
                self._last = _Last(number)
            states = [self._last.without(stated) for stated in states]
        found, first = _earliest(*(np.concatenate(column) for column in zip(*states, strict=True)))
        told, at = self._told.get(number, (np.empty(0, np.int64), np.empty(0, np.int64)))
        place = np.searchsorted(told, found)
        is_told = np.zeros(len(found), np.bool_)
        inside = place < len(told)
        is_told[inside] = told[place[inside]] == found[inside]
        is_earlier = is_told.copy()
        is_earlier[is_told] = first[is_told] < at[place[is_told]]
        at[place[is_earlier]] = first[is_earlier]
        fresh = ~is_told
        self._told[number] = np.insert(told, place[fresh], found[fresh]), np.insert(at, place[fresh], first[fresh])
        if is_alone:
            self._last.keep(found, first)
        return found[fresh | is_earlier], first[fresh | is_earlier]


_Stated = tuple[Longs, Longs]
"""Keys of pairs, and when each was stated."""


class _Last:
    """Of a load that goes on for many batches, the pair each trace was told in last, alone and beside another.

    Most rows of a large file repeat it, and need not be sorted and looked up.
    """

    def __init__(self, load: int) -> None:
        self.load = load
        self._key = np.empty((2, 0), np.int64)
        self._at = np.empty((2, 0), np.int64)

    def without(self, stated: _Stated) -> _Stated:
        """What is stated without what was told."""
        key, moment = stated
        trace, side = _sides(key)
        self._grow(int(trace.max(initial=0)))
        is_told = (self._key[side, trace] == key) & (self._at[side, trace] <= moment)
        return key[~is_told], moment[~is_told]

    def keep(self, key: Longs, at: Longs) -> None:
        """Remember pairs at the moment they were told."""
        trace, side = _sides(key)
        self._key[side, trace] = key
        self._at[side, trace] = at

    def _grow(self, most: int) -> None:
        if most >= self._key.shape[1]:
            more = np.full((2, 2 * most + 1 - self._key.shape[1]), -1, np.int64)
            self._key, self._at = np.concatenate([self._key, more], axis=1), np.concatenate([self._at, more], axis=1)


def _sides(key: Longs) -> tuple[Longs, Longs]:
    """The trace of each pair, and 0 when it stands alone, 1 beside another."""
    return key >> _LOW, ((key & _LOWER) != NO_TRACE).astype(np.int64)


def _stated(trace: Longs, strongest: Longs, moment: Longs) -> _Stated:
    has = trace != NO_TRACE
    beside = np.where(trace == strongest, NO_TRACE, strongest)
    return ((trace << _LOW) | beside)[has], moment[has]


def _earliest(key: Longs, moment: Longs) -> tuple[Longs, Longs]:
    """Each key once, sorted, with its earliest moment."""
    order = np.argsort(key)
    key, moment = key[order], moment[order]
    starts = np.flatnonzero(np.diff(key, prepend=key[:1] - 1))
    return key[starts], np.minimum.reduceat(moment, starts) if len(starts) else moment


def _longs(rows: pa.Table, name: str) -> Longs:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = rows[name]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz="UTC"))
    return np.asarray(pc.fill_null(column.cast(pa.int64()), NO_TRACE).to_numpy())


def _table(parts: Sequence[tuple[int, Longs, Longs]]) -> pa.Table:
    import pyarrow as pa

    none = np.empty(0, np.int64)
    load = np.concatenate([none, *(np.full(len(key), number, np.int64) for number, key, _ in parts)])
    key = np.concatenate([none, *(key for _, key, _ in parts)])
    moment = np.concatenate([none, *(first for _, _, first in parts)])
    beside = (key & _LOWER).astype(np.int32)
    columns = {
        "load": load,
        "trace": (key >> _LOW).astype(np.int32),
        "with_trace": pa.array(beside, mask=beside == NO_TRACE),
        "moment": pa.array(moment).cast(pa.timestamp("us", tz="UTC")),
    }
    return pa.table(columns)


def identifier_rows(found: pa.Table, known: Known) -> pa.Table:
    """The rows of `identifiers` out of new pairs."""
    import pyarrow as pa

    place = known.rows(found["trace"].to_numpy())
    kinds = known.kinds(place)
    strengths = pa.array([identifier_kind(name).strength for name in known.names.to_pylist()], pa.string())
    columns = {
        "load": found["load"],
        "happened_at": found["moment"],
        "trace": found["trace"],
        "kind": kinds,
        "hash": known.hashes(place),
        "with_trace": found["with_trace"],
        "strength": pa.DictionaryArray.from_arrays(kinds.indices, strengths),
    }
    return pa.table(columns)
