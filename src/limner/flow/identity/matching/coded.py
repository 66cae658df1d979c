"""A column of texts as codes: each different text once, and which one each row has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Coded:
    """Row i says `values[code[i]]`; −1 says nothing. Values are sorted: codes do not depend on the rows' order."""

    code: Ints
    values: tuple[str, ...]

    def through(self, change: Callable[[str], str | None]) -> Coded:
        """The column with each different value changed; what becomes None or empty is unknown."""
        changed = [change(value) or None for value in self.values]
        kept = sorted({value for value in changed if value is not None})
        place = {value: at for at, value in enumerate(kept)}
        moved = np.array([place[value] if value is not None else -1 for value in changed] + [-1], np.int64)
        return Coded(moved[self.code], tuple(kept))

    def numbers(self, change: Callable[[str], int]) -> Ints:
        """A whole number per row, from each different value; −1 where unknown."""
        return np.array([*(change(value) for value in self.values), -1], np.int64)[self.code]

    @property
    def counts(self) -> Ints:
        """In how many rows each value stands, and a last entry of nought for the unknown."""
        return np.append(np.bincount(self.code[self.code >= 0], minlength=len(self.values)), 0).astype(np.int64)


def coded(rows: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> Coded:
    """The codes of texts; null and empty are unknown.

    >>> found = coded(["b", None, "a", "b", ""])
    >>> found.code.tolist(), found.values
    ([1, -1, 0, 1, -1], ('a', 'b'))
    """
    column = rows if isinstance(rows, pa.Array | pa.ChunkedArray) else pa.array(rows, pa.string())
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    made = column.cast(pa.string()).dictionary_encode()
    code = made.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(code, tuple(made.dictionary.to_pylist())).through(str)


def nothing(rows: int) -> Coded:
    """A column that says nothing."""
    return Coded(np.full(rows, -1, np.int64), ())
