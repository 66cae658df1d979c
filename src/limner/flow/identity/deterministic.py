"""Deterministic matching: identifiers that stood in one record belong together, unless one is shared by many."""

from __future__ import annotations

import numpy as np

from limner.core.settings import IdentitySettings
from limner.flow.identity.base import Flags, Pairs, Proposal, Seen, matcher


@matcher("deterministic")
def deterministic(seen: Seen, together: Pairs, limits: IdentitySettings) -> Proposal:
    """Join all pairs but those with a hub.

    A hub is an identifier that stood with more than `customers_per_identifier` identifiers of one person's kind (a shop
    phone on many members' records), or with more than `identifiers_per_customer` of one kind of device. It joins nobody
    of that kind, whichever record came first.
    """
    kept = np.ones(together.low.size, np.bool_)
    degree = np.bincount(together.low, minlength=seen.trace.size)
    degree += np.bincount(together.high, minlength=seen.trace.size)
    is_busy = degree > min(limits.customers_per_identifier, limits.identifiers_per_customer)
    near = np.flatnonzero(is_busy[together.low] | is_busy[together.high])
    busy = together.chosen(near)
    is_over_low, is_over_high = _over(seen, busy, limits)
    kept[near[is_over_low | is_over_high]] = False
    return Proposal(kept, np.unique(np.concatenate([busy.low[is_over_low], busy.high[is_over_high]])))


def _over(seen: Seen, pairs: Pairs, limits: IdentitySettings) -> tuple[Flags, Flags]:
    """Whether the low end of each pair stood with too many of the high end's kind, and the other way round."""
    low_kind, high_kind = seen.kind[pairs.low], seen.kind[pairs.high]
    over_low, over_high = np.zeros(pairs.low.size, np.bool_), np.zeros(pairs.low.size, np.bool_)
    for code, kind in enumerate(seen.kinds):
        most = limits.identifiers_per_customer if kind.strength == "device" else limits.customers_per_identifier
        of_high, of_low = np.flatnonzero(high_kind == code), np.flatnonzero(low_kind == code)
        count = np.bincount(pairs.low[of_high], minlength=seen.trace.size)
        count += np.bincount(pairs.high[of_low], minlength=seen.trace.size)
        over_low[of_high] = count[pairs.low[of_high]] > most
        over_high[of_low] = count[pairs.high[of_low]] > most
    return over_low, over_high
