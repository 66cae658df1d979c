"""Deterministic matching: identifiers that stood in one record belong together, unless one is shared by many."""

from __future__ import annotations

import numpy as np

from limner.core.settings import IdentitySettings
from limner.flow.identity.base import Ints, Pairs, Proposal, Seen, matcher

NEVER, DEVICE = 3, 2


@matcher("deterministic")
def deterministic(seen: Seen, together: Pairs, limits: IdentitySettings) -> Proposal:
    """Join all pairs but those with an identifier that is never a ground for a link, or with a hub.

    A hub is an identifier that stood with more than `customers_per_identifier` identifiers of one person's kind (a shop
    phone on many members' records), or with more than `identifiers_per_customer` devices. It joins nobody of that kind.
    """
    place = seen.places(np.stack([together.low, together.high]))
    strength = seen.strength[place]
    allowed = (strength != NEVER).all(axis=0)
    low, high, place = together.low[allowed], together.high[allowed], place[:, allowed]
    from_ends = np.concatenate([place[0], place[1]]).astype(np.int64)
    to_kinds = np.concatenate([seen.kind[place[1]], seen.kind[place[0]]]).astype(np.int64)
    to_device = np.concatenate([seen.strength[place[1]], seen.strength[place[0]]]) == DEVICE
    key = from_ends * len(seen.kinds) + to_kinds
    count = np.bincount(key)
    most = np.where(to_device, limits.identifiers_per_customer, limits.customers_per_identifier)
    is_over = count[key] > most
    cut = is_over[: low.size] | is_over[low.size :]
    hubs = np.unique(seen.trace[from_ends[is_over]]).astype(np.int32)
    return Proposal(Pairs(low[~cut], high[~cut]), hubs)


def within_size(seen: Seen, pairs: Pairs, label: Ints, limits: IdentitySettings) -> tuple[Pairs, Ints]:
    """The pairs that are left when no customer may have more identifiers than allowed, and the traces let go.

    In a customer that is too large only pairs of two strong identifiers stay; the caller asks again until nothing is
    too large, and then a customer that still is falls apart altogether.
    """
    is_large = np.bincount(label[seen.trace]) > limits.identifiers_per_customer
    if not is_large.any():
        return pairs, np.empty(0, np.int32)
    in_large = is_large[label[pairs.low]]
    place = seen.places(np.stack([pairs.low, pairs.high]))
    strong = (seen.strength[place] == 0).all(axis=0)
    keep = ~in_large | strong if (in_large & ~strong).any() else ~in_large
    gone = np.unique(np.concatenate([pairs.low[~keep], pairs.high[~keep]])).astype(np.int32)
    return Pairs(pairs.low[keep], pairs.high[keep]), gone
