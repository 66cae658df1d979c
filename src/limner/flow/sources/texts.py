"""Texts, each with a number, found by their hashes: a table of slots that is probed for many rows at once.

A hash only says where to look. What is found is compared, so that two texts of one hash are never taken for another.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]

NOT_THERE: Final = -1
_FEWEST: Final = 10
"""The smallest table has 2 to the power of this many slots; at most half of the slots are taken."""


class Texts:
    """Texts numbered from 0 in the order they were added. The caller hashes them, always in the same way.

    >>> texts = Texts()
    >>> texts.add(pa.array(["M1", "M2"]), np.array([7, 7], np.uint64))
    >>> texts.find(pa.chunked_array([["M2", None, "M3", "M1"]]), np.array([7, 0, 9, 7], np.uint64)).tolist()
    [1, -1, -1, 0]
    """

    def __init__(self) -> None:
        self._texts = pa.array([], pa.large_string())
        self._hash = np.empty(0, np.uint64)
        self._slots = np.full(1 << _FEWEST, NOT_THERE, np.int32)

    def __len__(self) -> int:
        return len(self._hash)

    def find(self, column: pa.ChunkedArray, hashes: Hashes) -> Ints:
        """The number of each text, `NOT_THERE` for one that has not been added, and for null."""
        if not len(self):
            return np.full(len(column), NOT_THERE, np.int32)
        found = self._probe(hashes)
        stands = self._texts.take(pa.array(np.maximum(found, 0)))
        is_it = pc.fill_null(pc.equal(stands, column.cast(pa.large_string())), fill_value=False)
        wrong = (found != NOT_THERE) & ~is_it.to_numpy()
        if wrong.any():
            found[wrong] = self._compared(column.filter(pa.array(wrong)))
        return found

    def add(self, texts: pa.Array, hashes: Hashes) -> None:
        """Add texts that are not there yet, each once and none of them null."""
        self._texts = pa.concat_arrays([self._texts, texts.cast(pa.large_string())])
        self._hash = np.concatenate([self._hash, hashes])
        numbers = np.arange(len(self) - len(hashes), len(self), dtype=np.int32)
        if 2 * len(self) > len(self._slots):
            self._slots = np.full(1 << (4 * len(self) - 1).bit_length(), NOT_THERE, np.int32)
            numbers = np.arange(len(self), dtype=np.int32)
        self._settle(numbers)

    def _probe(self, hashes: Hashes) -> Ints:
        """The first number with each hash."""
        slot = self._first(hashes)
        found = self._slots[slot]
        left = np.flatnonzero((found != NOT_THERE) & (self._hash[found] != hashes))
        while left.size:
            slot[left] = self._next(slot[left])
            found[left] = self._slots[slot[left]]
            left = left[(found[left] != NOT_THERE) & (self._hash[found[left]] != hashes[left])]
        return found

    def _settle(self, numbers: Ints) -> None:
        slot = self._first(self._hash[numbers])
        while numbers.size:
            is_free = self._slots[slot] == NOT_THERE
            self._slots[slot[is_free]] = numbers[is_free]
            left = self._slots[slot] != numbers
            numbers, slot = numbers[left], self._next(slot[left])

    def _first(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        bits = len(self._slots).bit_length() - 1
        return (hashes >> np.uint64(64 - bits)).astype(np.int64)

    def _next(self, slot: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return (slot + 1) & (len(self._slots) - 1)

    def _compared(self, column: pa.ChunkedArray) -> Ints:
        """The numbers of texts whose hash belongs to another one too, by comparing them with all."""
        place = pc.index_in(column.cast(pa.large_string()), value_set=self._texts)
        return np.array(pc.fill_null(place, NOT_THERE).to_numpy(), np.int32)
