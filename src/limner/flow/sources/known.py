"""Every hash known with its trace, in arrays: asked for many at once from either side, and added to.

A hash lies as two numbers, its first eight bytes and its last, sorted by the first. Two hashes that share their first
eight bytes are told apart by the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Halves = npt.NDArray[np.uint64]
"""Hashes of 16 bytes as pairs of numbers: shape (n, 2)."""

NO_TRACE: Final = 0
"""Stands where a hash has no trace; the first trace is 1."""


def halves(hashes: bytes | memoryview) -> Halves:
    """Hashes lying one after the other as pairs of numbers.

    >>> halves(bytes(15) + b"a").tolist()
    [[0, 97]]
    """
    return np.frombuffer(hashes, ">u8").astype(np.uint64).reshape(-1, 2)


def whole(hashes: Halves) -> pa.Array:
    """Pairs of numbers as hashes again, an Arrow array of binary."""
    import pyarrow as pa

    buffer = pa.py_buffer(np.ascontiguousarray(hashes).astype(">u8").tobytes())
    return pa.Array.from_buffers(pa.binary(16), len(hashes), [None, buffer]).cast(pa.binary())


class Known:
    """Hashes with their kinds and traces.

    >>> known = Known()
    >>> known.add("phone", halves(b"a" * 16 + b"b" * 16), np.array([1, 2], np.int32))
    >>> known.traces(halves(b"b" * 16 + b"c" * 16)).tolist()
    [2, 0]
    """

    def __init__(self) -> None:
        self._kinds: list[str] = []
        self._kind = np.empty(0, np.int16)
        self._hash = np.empty((0, 2), np.uint64)
        self._trace = np.empty(0, np.int32)
        self._high, self._row = np.empty(0, np.uint64), np.empty(0, np.int32)
        self._place = np.empty(0, np.int32)

    def add(self, kind: str, hashes: Halves, traces: Ints) -> None:
        """Add hashes of a kind that are not known yet; every one has a trace of its own."""
        first = np.int32(len(self._trace))
        if kind not in self._kinds:
            self._kinds.append(kind)
        order = np.argsort(hashes[:, 0], kind="stable")
        place = np.searchsorted(self._high, hashes[order, 0])
        self._high = np.insert(self._high, place, hashes[order, 0])
        self._row = np.insert(self._row, place, first + order.astype(np.int32))
        self._kind = np.concatenate([self._kind, np.full(len(traces), self._kinds.index(kind), np.int16)])
        self._hash = np.concatenate([self._hash, hashes])
        self._trace = np.concatenate([self._trace, traces])
        most = int(traces.max(initial=len(self._place) - 1))
        self._place = np.concatenate([self._place, np.full(most + 1 - len(self._place), -1, np.int32)])
        self._place[traces] = first + np.arange(len(traces), dtype=np.int32)

    def take_in(self, rows: pa.Table) -> None:
        """Add rows of the lake's `traces`: kind, hash, trace."""
        import pyarrow.compute as pc

        for kind in pc.unique(rows["kind"]).to_pylist():
            mine = rows.filter(pc.equal(rows["kind"], kind))
            self.add(kind, laid(mine["hash"]), mine["trace"].to_numpy().astype(np.int32))

    def traces(self, hashes: Halves) -> Ints:
        """The trace of each hash, `NO_TRACE` for one that is not known."""
        found = np.full(len(hashes), NO_TRACE, np.int32)
        place = np.searchsorted(self._high, hashes[:, 0])
        left = np.arange(len(hashes))
        while left.size:
            left = left[place[left] < len(self._high)]
            left = left[self._high[place[left]] == hashes[left, 0]]
            rows = self._row[place[left]]
            is_it = self._hash[rows, 1] == hashes[left, 1]
            found[left[is_it]] = self._trace[rows[is_it]]
            left = left[~is_it]
            place[left] += 1
        return found

    def rows(self, traces: Ints) -> Ints:
        """Where the hash of each trace lies, -1 for a trace that is not known."""
        is_in = (traces >= 0) & (traces < len(self._place))
        found = np.full(len(traces), -1, np.int32)
        found[is_in] = self._place[traces[is_in]]
        return found

    def kinds(self, rows: Ints) -> pa.DictionaryArray:
        """The kinds at rows."""
        import pyarrow as pa

        return pa.DictionaryArray.from_arrays(pa.array(self._kind[rows]), self.names)

    def hashes(self, rows: Ints) -> pa.Array:
        """The hashes at rows."""
        return whole(self._hash[rows])

    @property
    def names(self) -> pa.Array:
        """The kinds there are."""
        import pyarrow as pa

        return pa.array(self._kinds, pa.string())


def laid(column: pa.ChunkedArray) -> Halves:
    """A column of hashes, none of them null, as pairs of numbers."""
    import pyarrow as pa

    if not len(column):
        return halves(b"")
    return np.concatenate([halves(_bytes(chunk.cast(pa.binary(16)))) for chunk in column.chunks if len(chunk)])


def _bytes(chunk: pa.FixedSizeBinaryArray) -> memoryview:
    return memoryview(chunk.buffers()[1])[chunk.offset * 16 : (chunk.offset + len(chunk)) * 16]


def known_of(rows: pa.Table) -> Known:
    """What is known by the rows of the lake's `traces`: kind, hash, trace."""
    known = Known()
    known.take_in(rows)
    return known


def distinct(hashes: Halves) -> tuple[Halves, npt.NDArray[np.int64]]:
    """Each hash once, in the order of their bytes, and where each of those given stands among them.

    >>> found, which = distinct(halves(b"b" * 16 + b"a" * 16 + b"b" * 16))
    >>> len(found), which.tolist()
    (2, [1, 0, 1])
    """
    order = np.argsort(hashes[:, 0])
    is_same, is_equal = _beside(hashes, order)
    if (is_same & ~is_equal).any():  # two hashes that share their first half
        order = np.lexsort((hashes[:, 1], hashes[:, 0]))
        _, is_equal = _beside(hashes, order)
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = ~is_equal
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(is_new) - 1
    return hashes[order[is_new]], which


def _beside(hashes: Halves, order: npt.NDArray[np.int64]) -> tuple[Flags, Flags]:
    """Of each hash but the first in an order, whether it shares the first half with the one before, and both halves."""
    high, low = hashes[order, 0], hashes[order, 1]
    is_same = high[1:] == high[:-1]
    return is_same, is_same & (low[1:] == low[:-1])


def joined(hashes: Sequence[bytes]) -> Halves:
    """Hashes of 16 bytes each as pairs of numbers."""
    return halves(b"".join(hashes))
