"""Keys of what was said lately: asked for many at once, added to, and forgotten day by day."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from limner.flow.sources import keys
from limner.flow.sources.known import Flags, Halves


def key_of(source: str, message_id: str) -> bytes:
    """16 bytes of a source and the client's own id: the `event_key` of the lake."""
    return hashlib.md5(f"{source}|{message_id}".encode(), usedforsecurity=False).digest()


class Keys:
    """Keys by the day they came.

    >>> from limner.flow.sources.known import joined
    >>> known = Keys()
    >>> known.add(20_000, joined([key_of("web", "a")]))
    >>> known.known(joined([key_of("web", "a"), key_of("web", "b")])).tolist()
    [True, False]
    >>> known.forget(20_001)
    >>> len(known)
    0
    """

    def __init__(self) -> None:
        self._days: dict[int, keys.Keys] = {}

    def __len__(self) -> int:
        return sum(len(day) for day in self._days.values())

    def add(self, day: int, said: Halves) -> None:
        """Add keys of a day."""
        self._days.setdefault(day, keys.Keys()).add(said)

    def known(self, said: Halves) -> Flags:
        """Which of the keys are known."""
        found = np.zeros(len(said), np.bool_)
        for day in self._days.values():
            found |= day.known(said)
        return found

    def forget(self, day: int) -> None:
        """Forget the keys of the days before."""
        for old in [known for known in self._days if known < day]:
            del self._days[old]


def first_of_each(said: Sequence[bytes]) -> Flags:
    """Of each key the first place at which it stands; an empty one stands for none, and is never a repeat."""
    seen: set[bytes] = set()
    found = np.ones(len(said), np.bool_)
    for place, key in enumerate(said):
        if key and key in seen:
            found[place] = False
        seen.add(key)
    return found
