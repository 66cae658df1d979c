"""Keys of what was said lately: asked for many at once, added to, and forgotten day by day."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from limner.flow.sources.known import Flags, Halves, halves, joined

if TYPE_CHECKING:
    import pyarrow as pa


def key_of(source: str, message_id: str) -> bytes:
    """16 bytes of a source and the client's own id: the `event_key` of the lake."""
    return hashlib.md5(f"{source}|{message_id}".encode(), usedforsecurity=False).digest()


class Keys:
    """Keys by the day they came.

    >>> keys = Keys()
    >>> keys.add(20_000, joined([key_of("web", "a")]))
    >>> keys.known(joined([key_of("web", "a"), key_of("web", "b")])).tolist()
    [True, False]
    >>> keys.forget(20_001)
    >>> len(keys)
    0
    """

    def __init__(self) -> None:
        self._days: dict[int, list[Halves]] = {}

    def __len__(self) -> int:
        return sum(len(run) for runs in self._days.values() for run in runs)

    def add(self, day: int, keys: Halves) -> None:
        """Add keys of a day. Runs of like length are merged, so that there are few."""
        if not len(keys):
            return
        runs = self._days.setdefault(day, [])
        runs.append(_ordered(keys))
        while len(runs) > 1 and len(runs[-2]) < 2 * len(runs[-1]):
            runs.append(_ordered(np.concatenate([runs.pop(), runs.pop()])))

    def known(self, keys: Halves) -> Flags:
        """Which of the keys are known."""
        found = np.zeros(len(keys), np.bool_)
        for runs in self._days.values():
            for run in runs:
                found |= _within(run, keys)
        return found

    def forget(self, day: int) -> None:
        """Forget the keys of the days before."""
        for old in [known for known in self._days if known < day]:
            del self._days[old]


def _ordered(keys: Halves) -> Halves:
    return keys[np.lexsort((keys[:, 1], keys[:, 0]))]


def _within(run: Halves, keys: Halves) -> Flags:
    """Which keys stand in a sorted run; keys that share their first half stand one after the other."""
    found = np.zeros(len(keys), np.bool_)
    place = np.searchsorted(run[:, 0], keys[:, 0])
    left = np.arange(len(keys))
    while left.size:
        left = left[place[left] < len(run)]
        left = left[run[place[left], 0] == keys[left, 0]]
        is_it = run[place[left], 1] == keys[left, 1]
        found[left[is_it]] = True
        left = left[~is_it]
        place[left] += 1
    return found


def first_of_each(keys: Sequence[bytes]) -> Flags:
    """Of each key the first place at which it stands; an empty one stands for none, and is never a repeat."""
    seen: set[bytes] = set()
    found = np.ones(len(keys), np.bool_)
    for place, key in enumerate(keys):
        if key and key in seen:
            found[place] = False
        seen.add(key)
    return found


def laid(hashes: pa.ChunkedArray) -> Halves:
    """Keys of the lake as pairs of numbers."""
    return joined([bytes(key) for key in hashes.to_pylist()]) if len(hashes) else halves(b"")
