"""What operators have set apart: read from the ledger, written to it, and taken back."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlalchemy import Connection, insert, select, update

from limner.core.actor import Actor
from limner.flow.identity.base import Ints
from limner.flow.identity.separate import Marks
from limner.maths.lookup import lookup
from limner.store.ledger import tables

if TYPE_CHECKING:
    from limner.store.ledger import Ledger

SOURCE: Final = "source:"
"""What the actor of a parting begins with that a source's clients have stated."""


@dataclass(frozen=True, slots=True)
class Parting:
    """No trace of `apart` may ever be one customer with a trace of `kept`. `merge` is the merge it undoes."""

    seq: int
    number: int
    apart: tuple[int, ...]
    kept: tuple[int, ...]
    happened_at: datetime
    actor: str
    reason: str = ""
    merge: int | None = None
    undone_at: datetime | None = None
    undone_by: str = ""

    @property
    def traces(self) -> Ints:
        """All traces it speaks of."""
        return np.asarray([*self.apart, *self.kept], np.int32)


def is_heard(one: Parting, asof: datetime) -> bool:
    """Whether a parting counts at an asof: an operator's word always, a client's once it has happened."""
    return not one.actor.startswith(SOURCE) or one.happened_at < asof


def read_partings(ledger: Ledger, *, in_force: bool = True, among: Collection[int] = ()) -> list[Parting]:
    """The partings by number: those in force, or all; or those of these numbers, in force or not."""
    row = tables.partings
    question = select(row).order_by(row.c.seq)
    if among:
        question = question.where(row.c.seq.in_(sorted(among)))
    elif in_force:
        question = question.where(row.c.undone_at.is_(None))
    with ledger.read() as connection:
        return [
            Parting(
                found["seq"], found["number"], tuple(json.loads(found["apart"])), tuple(json.loads(found["kept"])),
                found["happened_at"], found["actor"], found["reason"], found["merge"], found["undone_at"],
                found["undone_by"],
            )
            for found in connection.execute(question).mappings()
        ]  # fmt: skip


def marks_of_partings(partings: Sequence[Parting], traces: Ints) -> Marks:
    """What partings say of these sorted traces, as marks of their places: the two sides of each may not meet."""
    trace = np.concatenate([np.empty(0, np.int32), *(one.traces for one in partings)]).astype(np.int32)
    key = np.repeat([one.seq for one in partings], [one.traces.size for one in partings]).astype(np.int64)
    side = np.concatenate(
        [np.empty(0, np.int64), *(np.repeat([0, 1], [len(one.apart), len(one.kept)]) for one in partings)]
    ).astype(np.int64)
    place, here = lookup(traces, trace)
    return Marks(place[here].astype(np.int32), key[here], side[here])


def write_parting(ledger: Ledger, new: Parting, verb: str) -> int:
    """Write a parting down, and who said it; its number. The number given with it is not looked at."""
    row = tables.partings
    with ledger.write() as connection:
        seq = ledger.take(connection, "merge")
        values = {
            "seq": seq, "number": new.number, "merge": new.merge, "apart": json.dumps(list(new.apart)),
            "kept": json.dumps(list(new.kept)), "happened_at": new.happened_at, "actor": new.actor,
            "reason": new.reason,
        }  # fmt: skip
        connection.execute(insert(row).values(**values))
        _audit(ledger, connection, new.happened_at, new.actor, verb, {**values, "happened_at": str(new.happened_at)})
    return seq


def undo_parting(ledger: Ledger, seq: int, who: Actor, now: datetime) -> None:
    """Take a parting back, and write down who did."""
    row = tables.partings
    with ledger.write() as connection:
        connection.execute(update(row).where(row.c.seq == seq).values(undone_at=now, undone_by=who.id))
        _audit(ledger, connection, now, who.id, "identity undo", {"seq": seq})


def _audit(
    ledger: Ledger, connection: Connection, now: datetime, actor: str, verb: str, body: dict[str, object]
) -> None:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    seq = ledger.take(connection, "audit")
    connection.execute(insert(tables.audit).values(seq=seq, happened_at=now, actor=actor, verb=verb, body=text))
