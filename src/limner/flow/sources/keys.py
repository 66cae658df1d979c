"""Keys of 16 bytes, kept sorted in few runs: asked for many at once, and added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limner.flow.sources.known import Flags, Halves

if TYPE_CHECKING:
    import numpy.typing as npt

    Run = tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]


class Keys:
    """A set of keys. Runs of like length are merged, so that there are few.

    >>> from limner.flow.sources.known import halves
    >>> keys = Keys()
    >>> keys.add(halves(b"a" * 16 + b"b" * 16))
    >>> keys.known(halves(b"b" * 16 + b"c" * 16)).tolist()
    [True, False]
    """

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def __len__(self) -> int:
        return sum(len(high) for high, _ in self._runs)

    def add(self, keys: Halves) -> None:
        """Add keys; one that is there already does no harm."""
        if not len(keys):
            return
        self._runs.append(_ordered(keys[:, 0], keys[:, 1]))
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            last, before = self._runs.pop(), self._runs.pop()
            high, low = (np.concatenate(both) for both in zip(before, last, strict=True))
            self._runs.append(_ordered(high, low))

    def known(self, keys: Halves) -> Flags:
        """Which of the keys are there."""
        order = np.argsort(keys[:, 0])
        high, low = keys[order, 0], keys[order, 1]
        is_in = np.zeros(len(keys), np.bool_)
        for run in self._runs:
            is_in |= _within(run, high, low)
        found = np.empty(len(keys), np.bool_)
        found[order] = is_in
        return found


def _ordered(high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]) -> Run:
    order = np.argsort(high, kind="stable")  # two runs that are sorted are merged
    return high[order], low[order]


def _within(run: Run, high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]) -> Flags:
    """Which keys stand in a sorted run; keys that share their first half stand one after the other."""
    highs, lows = run
    found = np.zeros(len(high), np.bool_)
    place = np.searchsorted(highs, high)
    left = np.arange(len(high))
    while left.size:
        left = left[place[left] < len(highs)]
        left = left[highs[place[left]] == high[left]]
        is_it = lows[place[left]] == low[left]
        found[left[is_it]] = True
        left = left[~is_it]
        place[left] += 1
    return found
