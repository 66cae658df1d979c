"""Identifiers that change hands: a phone that rests for months and comes back with somebody else.

The sightings of a phone beside the issued numbers of people (member number, ECIF, id card; kind by kind) fall into
periods, one per number. Where all earlier periods have ended `rest_days` or more before the next begins, the phone has
changed hands at that beginning. Since the last such moment it belongs to whom it was seen with since; what was last
seen beside it before joins nobody any more. Nothing past the asof is read, so at an earlier asof it is still the
earlier holder's. Without such a rest it is shared, not given away, and nothing is cut here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from limner.flow.identity.base import Flags, Ints, Pairs, Seen
from limner.flow.identity.named import Longs
from limner.maths.lookup import lookup

Sightings = Callable[[Ints], tuple[Ints, Ints, Longs, Longs]]
"""Traces to the pairs they stood in: low and high trace, first and last moment in µs, sorted by low and high."""

_DAY: Final = 86_400_000_000
_LOW: Final = 32


def current(seen: Seen, together: Pairs, sightings: Sightings, rest_days: int) -> Flags:
    """Which pairs still hold: not those of an identifier that has since gone to somebody else. Shape (m,)."""
    kept = np.ones(together.low.size, np.bool_)
    moves, owners = seen.where("changes_hands"), seen.where("is_owner")
    by_low, by_high = np.flatnonzero(moves[together.low]), np.flatnonzero(moves[together.high])
    pair = np.concatenate([by_low, by_high])
    thing = np.concatenate([together.low[by_low], together.high[by_high]])
    other = np.concatenate([together.high[by_low], together.low[by_high]])
    is_held = owners[other]
    claimed = _claimed(thing[is_held], seen.kind[other[is_held]])
    if not claimed.size:
        return kept
    doubtful = np.flatnonzero(lookup(claimed, thing)[1])
    pair, thing, other = pair[doubtful], thing[doubtful], other[doubtful]
    low, high, first, last = sightings(seen.trace[claimed])
    key = seen.trace[together.low[pair]].astype(np.int64) << _LOW | seen.trace[together.high[pair]]
    at, _ = lookup(low.astype(np.int64) << _LOW | high, key)
    first, last = first[at], last[at]
    held = owners[other]
    group = np.where(held, thing.astype(np.int64) * len(seen.kinds) + seen.kind[other], -1)
    since = _changed(group[held], first[held], last[held], rest_days * _DAY)
    begins = np.full(seen.trace.size, np.iinfo(np.int64).min)
    np.maximum.at(begins, thing[held], since)
    kept[pair[last < begins[thing]]] = False
    return kept


def _claimed(thing: Ints, kind: np.ndarray) -> Ints:
    """The things that stood with two or more owners of one kind, sorted."""
    width = int(kind.max(initial=0)) + 1
    key = np.sort(thing.astype(np.int64) * width + kind)
    several = key[1:][key[1:] == key[:-1]]
    return np.unique(several // width).astype(np.int32)


def _changed(group: Longs, first: Longs, last: Longs, rest: int) -> Longs:
    """Per sighting, when its group (a thing and a kind of owner) last changed hands; the least number when never."""
    never = np.iinfo(np.int64).min
    order = np.lexsort((last, first, group))
    g, begin, end = group[order], first[order], last[order]
    is_new = np.ones(g.size, np.bool_)
    is_new[1:] = g[1:] != g[:-1]
    rank = np.cumsum(is_new) - 1
    # moments as ranks, so that a running maximum over all groups stays within each
    moments, place = np.unique(end, return_inverse=True)
    running = np.maximum.accumulate(rank * moments.size + place) - rank * moments.size
    until = np.concatenate([[0], moments[running[:-1]]]) if g.size else moments
    changed = np.where(~is_new & (begin - until >= rest), begin, never)
    latest = np.maximum.reduceat(changed, np.flatnonzero(is_new)) if g.size else changed
    found = np.empty(g.size, np.int64)
    found[order] = latest[rank]
    return found
