"""What keeps two customers two although a pair of their identifiers was accepted as one person's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from limner.core.kinds import Kinds
from limner.flow.identity.base import Ints
from limner.flow.identity.history import cuts_of, kinds_among
from limner.flow.identity.partings import Parting, is_heard, read_partings
from limner.maths.distinct import distinct
from limner.maths.lookup import lookup
from limner.store.definitions import load_kinds

if TYPE_CHECKING:
    from limner.store.stores import Stores

APART: Final = "apart"
PLATFORM: Final = "platform"
HUB: Final = "hub"


def hindrances(
    stores: Stores, pairs: Sequence[tuple[int, int]], *, links: str, asof: datetime
) -> tuple[tuple[str, ...], ...]:
    """Per pair of traces, what keeps the customers they belong to from being joined; empty when nothing does.

    The name of a kind of which each of them has a value of its own, though one customer has one (authoritative or
    verified); `apart`: an operator has set them apart; `platform`: one end is an id that only a declared link joins;
    `hub`: one end is shared by many.
    """
    if not pairs:
        return ()
    kinds = load_kinds(stores.ledger)
    partings = [one for one in read_partings(stores.ledger) if is_heard(one, asof)]
    ends = distinct(np.asarray(pairs, np.int32).ravel())
    customers = _customers(stores, ends, links)
    traces = distinct(np.concatenate([ends, *customers.values()]))
    known = kinds_among(stores, traces, asof)
    hubs = {row["trace"] for row in cuts_of(stores, ends, links) if row["reason"] == HUB}
    return tuple(
        tuple(_between([(end, customers[end].tolist()) for end in pair], kinds, known, partings, hubs))
        for pair in pairs
    )


def _customers(stores: Stores, ends: Ints, links: str) -> dict[int, Ints]:
    """All traces of the customer each trace belongs to; the trace alone when it belongs to none yet."""
    own = stores.lake.among("links", ("trace",), ends, columns=("trace", "number"), version=links)
    number = dict(zip(own["trace"].to_pylist(), own["number"].to_pylist(), strict=True))
    wanted = distinct(own["number"].to_numpy())
    rows = stores.lake.among("links", ("number",), wanted, columns=("trace", "number"), version=links)
    place = lookup(wanted, rows["number"].to_numpy())[0]
    members = {int(wanted[at]): rows.filter(pa.array(place == at))["trace"].to_numpy() for at in range(wanted.size)}
    alone = {int(end): np.asarray([end], np.int32) for end in ends}
    return {end: members[number[end]] if end in number else alone[end] for end in alone}


def _between(
    sides: Sequence[tuple[int, Sequence[int]]],
    kinds: Kinds,
    known: dict[int, str],
    partings: Sequence[Parting],
    hubs: set[int],
) -> list[str]:
    """What stands between two customers, each given by the trace of the pair and all of its traces."""
    (one, mine), (other, others) = sides
    if set(mine) == set(others):
        return []
    values = [
        {name: {trace for trace in side if known.get(trace) == name} for name in {known[t] for t in side if t in known}}
        for side in (mine, others)
    ]
    found = sorted(name for name in values[0].keys() & values[1].keys() if kinds.of(name).is_single)
    if any(_parts(parting, set(mine), set(others)) for parting in partings):
        found.append(APART)
    if any(trace in known and kinds.of(known[trace]).is_platform for trace in (one, other)):
        found.append(PLATFORM)
    if one in hubs or other in hubs:
        found.append(HUB)
    return found


def _parts(parting: Parting, mine: set[int], others: set[int]) -> bool:
    """Whether an operator has set identifiers of one apart from identifiers of the other."""
    sides = set(parting.apart), set(parting.kept)
    return any(a & mine and b & others for a, b in (sides, sides[::-1]))
