"""Who must never be one customer: two values of an issued or verified number, and what an operator has set apart.

A customer that holds such a contradiction is built again, pair by pair, surest first: by the weaker trust class of the
two ends, then by the earlier record, then by number. A pair that would bring a contradiction together is left out. The
order is one of the pairs themselves, so the answer does not depend on how records came in; and the latest, weakest pair
on the way between two people is the one that goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from limner.flow.identity.base import Codes, Ints, Pairs, Seen
from limner.flow.identity.named import Longs

Firsts = Callable[[Ints, Ints], Longs]
"""Pairs of traces to the moment (µs) they first stood in one record."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What may not come together: a customer may not hold two marks of one key on different sides. Shape (k,) each.

    `key` is the number of an operator's word (from 1) or -1 - the code of a kind; `side` is 0 or 1, or a place.
    """

    place: Ints
    key: Longs
    side: Longs

    def __add__(self, other: Marks) -> Marks:
        """Both."""
        pairs = ((self.place, other.place), (self.key, other.key), (self.side, other.side))
        return Marks(*(np.concatenate(pair) for pair in pairs))  # type: ignore[arg-type]


def marks_of(seen: Seen) -> Marks:
    """Every identifier of which a customer has one is a side of its own."""
    place = np.flatnonzero(seen.where("is_single")).astype(np.int32)
    return Marks(place, -1 - seen.kind[place].astype(np.int64), place.astype(np.int64))


def contradicted(label: Ints, marks: Marks) -> Ints:
    """The labels of customers that hold a contradiction."""
    if not marks.place.size:
        return np.empty(0, np.int32)
    mine = label[marks.place]
    order = np.lexsort((marks.side, marks.key, mine))
    mine, key, side = mine[order], marks.key[order], marks.side[order]
    clash = (mine[1:] == mine[:-1]) & (key[1:] == key[:-1]) & (side[1:] != side[:-1])
    return np.unique(mine[1:][clash])


def separated(seen: Seen, pairs: Pairs, ground: Codes, label: Ints, marks: Marks, firsts: Firsts) -> Longs:
    """Per pair, 0 when it holds, else the key of the mark that parts its ends. `ground` is the class of each pair."""
    parted = np.zeros(pairs.low.size, np.int64)
    torn = contradicted(label, marks)
    if not torn.size:
        return parted
    is_torn = np.zeros(seen.trace.size, np.bool_)
    is_torn[torn] = True
    here = np.flatnonzero(is_torn[label[pairs.low]])
    low, high = pairs.low[here], pairs.high[here]
    first = firsts(seen.trace[low], seen.trace[high])
    order = np.lexsort((high, low, first, ground[here]))
    inside = is_torn[label[marks.place]]
    parted[here[order]] = _grown(
        low[order], high[order], Marks(marks.place[inside], marks.key[inside], marks.side[inside])
    )
    return parted


def _grown(low: Ints, high: Ints, marks: Marks) -> Longs:
    """Join the pairs in order, but those that bring a contradiction together: the key of it, 0 where joined."""
    above: dict[int, int] = {}
    held: dict[int, dict[int, int]] = {}
    for place, key, side in zip(marks.place.tolist(), marks.key.tolist(), marks.side.tolist(), strict=True):
        held.setdefault(place, {})[key] = side

    def root(place: int) -> int:
        top = place
        while (higher := above.get(top, top)) != top:
            top = higher
        while place != top:
            above[place], place = top, above.get(place, place)
        return top

    answers = np.zeros(low.size, np.int64)
    for turn, (one, two) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        a, b = root(one), root(two)
        if a == b:
            continue
        mine, other = held.get(a, {}), held.get(b, {})
        if len(mine) < len(other):
            a, b, mine, other = b, a, other, mine
        clash = min((key for key, side in other.items() if mine.get(key, side) != side), default=0, key=_by_word)
        if clash:
            answers[turn] = clash
            continue
        above[b] = a
        if other:
            mine.update(held.pop(b))
    return answers


def _by_word(key: int) -> tuple[bool, int]:
    """An operator's word before what kinds say."""
    return key < 0, abs(key)
