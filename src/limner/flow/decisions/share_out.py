"""Sharing out capacity and budget in value order, with hold-outs that walk along and take nothing.

Everybody, held out or not, stands in one queue by value (ties by a hash of the number). Each in turn takes the first of
their candidates that still has room. A held-out customer takes no room: at their place in the queue they are marked as
they would have been. Treated and control are therefore cut at the same value, whatever the limits, and the treated
never exceed a limit (the rule of limits / (1 − share of hold-outs), without its rounding).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NONE = -1


@dataclass(frozen=True, slots=True)
class Shared:
    """Per customer the candidate taken (-1: none) and, where none, whether capacity or budget stood in the way."""

    candidate: Ints
    is_short_of_budget: Bools


def share_out(
    open_: Bools, held: Bools, place: Ints, cost: Ints, capacity: Mapping[int, int], budget: int | None
) -> Shared:
    """Give each customer, in queue order, the first open candidate with room.

    `open_` has shape (k, n): candidate k is allowed for customer n, customers already in queue order. `held` (n,) take
    no room. `place` (k, n) is the pool of each candidate (a channel on a local day); `capacity` gives the room left of
    a pool (absent: no limit). `cost` (k,) is the cost of one message, `budget` the money left (None: no limit).
    """
    count = open_.shape[1]
    chosen = np.full(count, NONE, np.int64)
    short = np.zeros(count, bool)
    left = dict(capacity)
    money = budget
    allowed = open_.copy()
    begin = 0
    while begin < count:
        first = _first(allowed[:, begin:])
        stop, pool, broke = _until(first, held[begin:], place[:, begin:], cost, left, money)
        here = slice(begin, begin + stop)
        chosen[here] = first[:stop]
        money = _spend(first[:stop], held[here], place[:, here], cost, left, money)
        begin += stop
        if begin >= count:
            break
        if broke:
            dear = np.flatnonzero(cost > (money or 0))
            lost = allowed[dear, begin:].any(axis=0)
            allowed[dear, begin:] = False
            short[begin:] |= lost
        else:
            allowed[:, begin:] &= place[:, begin:] != pool
    return Shared(chosen, short & (chosen == NONE))


def _first(allowed: Bools) -> Ints:
    return np.where(allowed.any(axis=0), allowed.argmax(axis=0), NONE)


def _until(
    first: Ints, held: Bools, place: Ints, cost: Ints, left: Mapping[int, int], money: int | None
) -> tuple[int, int, bool]:
    """How many in the queue can be served before something runs out; the pool that does, or that the budget does."""
    taking = (first != NONE) & ~held
    who = np.flatnonzero(taking)
    stop, pool, broke = first.size, NONE, False
    pools = place[first[who], who]
    for name, room in left.items():
        mine = who[pools == name]
        waiting = np.flatnonzero((first != NONE) & (place[np.maximum(first, 0), np.arange(first.size)] == name))
        full_from = 0 if room <= 0 else (int(mine[room - 1]) + 1 if mine.size >= room else first.size)
        later = waiting[waiting >= full_from]
        if later.size and later[0] < stop:
            stop, pool = int(later[0]), name
    if money is not None:
        spent = np.cumsum(cost[first[who]])
        over = np.flatnonzero(spent > money)
        if over.size and who[over[0]] < stop:
            stop, pool, broke = int(who[over[0]]), NONE, True
    return stop, pool, broke


def _spend(first: Ints, held: Bools, place: Ints, cost: Ints, left: dict[int, int], money: int | None) -> int | None:
    who = np.flatnonzero((first != NONE) & ~held)
    pools = place[first[who], who]
    for name in left:
        left[name] -= int((pools == name).sum())
    return None if money is None else money - int(cost[first[who]].sum())
