"""A version as seen through a part of its customers: runs of neighbours drawn by chance.

What is asked of it costs as much as of a version that small; every column keeps its own type, so the same reader
answers.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from limner.core.errors import NotFound, words
from limner.store.gallery.bits import Words, blank, from_bitmap, to_bitmap
from limner.store.gallery.column import Array, Column
from limner.store.gallery.version import Version

NOT_HERE = words("gallery_not_in_sample", "A part of a version has no members of {name!r} of its own.")

RUN = 128
"""Customers of one run: neighbours, so that a column is read in pieces; few, because neighbours are often alike."""
_WORDS = RUN // 64


class Sampled(Version):
    """Some runs of a version. Its customer number i is the i-th customer of the runs."""

    def __init__(self, whole: Version, runs: NDArray[np.int64]) -> None:
        self.whole, self.runs = whole, runs
        self.folder, self.name = whole.folder, f"{whole.name}/{runs.size}"
        self.size = runs.size * RUN
        self.labels, self.headers, self.marks = whole.labels, whole.headers, {}
        self.hidden = whole.hidden
        self._columns: dict[str, Column] = {}
        self.__dict__["living_words"] = self.part(whole.living_words)
        self.__dict__["living"] = to_bitmap(self.living_words)

    def column(self, name: str) -> Column:
        """One column, cut down to the runs."""
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._cut(self.whole.column(name))
        return found

    def members(self, audience: str) -> BitMap:
        """A part has no members of its own: take those of the whole by `part`."""
        raise NotFound(NOT_HERE, name=audience)

    def part(self, words: Words) -> Words:
        """What of a set over all customers lies in the runs."""
        found = blank(self.size)
        found[: self.runs.size * _WORDS] = _taken(words, self.runs, _WORDS)
        return found

    def members_of(self, members: BitMap) -> BitMap:
        """What of a set of customers lies in the runs, by their numbers there."""
        return to_bitmap(self.part(from_bitmap(members, self.whole.size)))

    def _cut(self, column: Column) -> Column:
        found = copy.copy(column)
        is_bool = column.header.type == "bool"
        found.values = _taken(column.values, self.runs, RUN // 8 if is_bool else RUN)
        known = self.part(column.known(self.whole.size))
        found.valid = known.view(np.uint8)[: self.size // 8]
        found.header = replace(column.header, rows=self.size, has_nulls=True, entries=-1)
        return found


def runs_of(size: int) -> int:
    """How many runs so many customers make; the last may be short."""
    return -(-size // RUN)


def _taken(values: Array, runs: NDArray[np.int64], length: int) -> Array:
    """The runs out of an array; what lies past its end is zero."""
    found = np.zeros((runs.size, length), values.dtype)
    whole = values.size // length
    inside = runs < whole
    found[inside] = values[: whole * length].reshape(whole, length)[runs[inside]]
    for place in np.flatnonzero(~inside).tolist():
        rest = values[int(runs[place]) * length :][:length]
        found[place, : rest.size] = rest
    return found.ravel()
