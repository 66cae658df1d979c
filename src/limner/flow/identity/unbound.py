"""What clients have unbound: an identifier that its owner has let go of is parted from those it stood beside.

An unbinding is a fact, an event of the identifier. Out of these facts follows which partings there are: the latest
unbinding of an identifier parts it from everything it stood beside until then and has not been bound to since. A
binding that comes later, or a load that is withdrawn, takes the parting back; the order in which they arrive changes
nothing. An operator who takes one back has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final

from limner.core.actor import Actor
from limner.flow.identity.history import numbers_of
from limner.flow.identity.increment import nearest
from limner.flow.identity.named import PACKAGE
from limner.flow.identity.partings import SOURCE, Parting, read_partings, undo_parting, write_parting
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.store.stores import Stores

UNBOUND: Final = "Identifier Unbound"
BOUND: Final = "Identifier Bound"


@dataclass(frozen=True, slots=True)
class Unbound:
    """Partings that were stated, and that were taken back."""

    stated: int = 0
    undone: int = 0


def part_unbound(stores: Stores, now: datetime) -> Unbound:
    """Have the partings in force say what clients have unbound by now. Nothing unbound: nothing is done."""
    wanted = _wanted(stores)
    past = [one for one in read_partings(stores.ledger, in_force=False) if one.actor.startswith(SOURCE)]
    settled = {_key(one) for one in past if one.undone_at is not None and one.undone_by != one.actor}
    standing = {_key(one): one for one in past if one.undone_at is None}
    gone = [one for key, one in standing.items() if key not in wanted]
    fresh = [one for key, one in wanted.items() if key not in standing and key not in settled]
    for one in gone:
        undo_parting(stores.ledger, one.seq, Actor(one.actor), now)
    for new in _numbered(stores, fresh, now):
        write_parting(stores.ledger, new, "identity unbind")
    return Unbound(len(fresh), len(gone))


_Key = tuple[tuple[int, ...], tuple[int, ...], str, datetime]


def _key(one: Parting) -> _Key:
    """What makes two partings the same statement."""
    return one.apart, one.kept, one.actor, one.happened_at


def _wanted(stores: Stores) -> dict[_Key, Parting]:
    rows = stores.lake.table(statement(PACKAGE, "unbound.sql", who=UNBOUND, bound=BOUND)).to_pylist()
    found = {}
    for trace, several in groupby(rows, key=lambda row: row["trace"]):
        mine = list(several)
        kept = tuple(row["other"] for row in mine)
        actor = f"{SOURCE}{mine[0]['source']}"
        one = Parting(0, 0, (trace,), kept, mine[0]["happened_at"], actor, "unbound by a client")
        found[_key(one)] = one
    return found


def _numbered(stores: Stores, fresh: list[Parting], now: datetime) -> list[Parting]:
    """The partings with the number of the customer that is parted, as far as somebody has one."""
    import numpy as np

    before = nearest(stores, now) if fresh else None
    if before is None:
        return fresh
    traces = np.unique(np.concatenate([one.traces for one in fresh])).astype(np.int32)
    numbers = numbers_of(stores, traces, before.version)

    def owner(one: Parting) -> int:
        return next((numbers[trace] for trace in (*one.kept, *one.apart) if trace in numbers), 0)

    return [Parting(0, owner(one), one.apart, one.kept, one.happened_at, one.actor, one.reason) for one in fresh]
