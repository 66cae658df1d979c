"""Sets of customers through time: carried through merges, compared with what they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyroaring import BitMap


@dataclass(frozen=True, slots=True)
class Moved:
    """Who came into a set and who went out of it, and how many of its members are customers no more.

    >>> moved(BitMap([1, 2, 3]), BitMap([3, 4]), BitMap([1, 3, 4, 5]), {})
    Moved(came=BitMap([4]), went=BitMap([1]), gone=1)
    """

    came: BitMap
    went: BitMap
    gone: int


def carried(members: BitMap, living: BitMap, passed_on: Mapping[int, int]) -> BitMap:
    """The same persons by the numbers they have now: a number that lives no more is that of whom it was merged into.

    `passed_on` are the merges in force, retired number → number kept. Numbers nobody has any more stay as they are.

    >>> carried(BitMap([1, 7, 9]), BitMap([1, 2]), {7: 8, 8: 2})
    BitMap([1, 2, 9])
    """
    retired = [number for number in members - living if number in passed_on]
    if not retired:
        return members
    found = members.copy()
    for number in retired:
        kept, seen = number, {number}
        while kept not in living and passed_on.get(kept) is not None and passed_on[kept] not in seen:
            kept = passed_on[kept]
            seen.add(kept)
        found.discard(number)
        found.add(kept)
    return found


def moved(before: BitMap, after: BitMap, living: BitMap, passed_on: Mapping[int, int]) -> Moved:
    """What happened to a set: two customers found to be one neither come nor go by that."""
    old = carried(before, living, passed_on)
    return Moved(after - old, (old - after) & living, len(old - living))


def together(moves: Iterable[Moved], living: BitMap, passed_on: Mapping[int, int]) -> Moved:
    """Several moves one after the other, oldest first, as one: who went and came back did neither."""
    came, went, gone = BitMap(), BitMap(), 0
    for one in moves:
        came, went = (came - one.went) | (one.came - went), (went - one.came) | (one.went - came)
        gone += one.gone
    came, went = (carried(part, living, passed_on) & living for part in (came, went))
    return Moved(came - went, went - came, gone)
