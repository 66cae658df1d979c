"""Erasing a person from the ledger: who is being erased now, whom nobody may bring back, and the law of each table.

The law: what only speaks of the person goes (consents, merges, restrictions). A message and what it cost stays, as one
that went to nobody, so that what campaigns cost and how many messages they sent still adds up. Numbers leave the arms
of experiments and the sets kept of audiences. A table that states no law and has a column for an identifier or a number
loses the person's rows.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pyroaring import BitMap
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from limner.store.ledger.ledger import Ledger
from limner.store.ledger.many import among
from limner.store.ledger.saved_sets import SETS, leave_sets
from limner.store.ledger.tables import (
    assignments,
    audit,
    consents,
    erasures,
    metadata,
    outbox,
    partings,
    resolves,
    tombstones,
    touches,
)

NOBODY: Final = 0
"""The number and the trace of messages and decisions of an erased person; no customer ever has it."""

ERASED: Final = "erased"
RUNNING, DONE = "running", "done"
_TRACES: Final = frozenset({"trace", "with_trace", "other_trace", "low", "high"})
_NUMBERS: Final = frozenset({"number", "kept", "retired"})
_WAITING: Final = ("queued", "in_flight")
_ANONYMISED: Final = (outbox, touches)
_AS_STATED: Final = frozenset({"consent grant", "consent refuse"})


def buried(mark: bytes) -> bytes:
    """What a tombstone keeps of an identifier's keyed hash: enough to know it again, and not the hash.

    >>> buried(bytes(16)) == buried(bytes(16)) != bytes(16)
    True
    """
    return hashlib.sha256(b"limner tombstone|" + mark).digest()[:16]


@dataclass(frozen=True, slots=True)
class Masked:
    """The identifiers and numbers nobody may read: those of persons whose erasure is under way."""

    traces: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.traces or self.numbers)


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure as the ledger keeps it."""

    erasure: int
    customer_id: str
    who: str
    state: str
    started_at: datetime
    masked: Masked


def masked_now(connection: Connection) -> Masked:
    """Whom every read leaves out at this moment."""
    traces: list[int] = []
    numbers: list[int] = []
    rows = connection.execute(select(erasures.c.traces, erasures.c.numbers).where(erasures.c.state == RUNNING))
    for own, given in rows:
        traces += json.loads(own)
        numbers += json.loads(given)
    return Masked(tuple(traces), tuple(numbers))


def forgotten(ledger: Ledger) -> frozenset[tuple[str, bytes]]:
    """Kind and tombstone (see `buried`) of everybody who was erased."""
    with ledger.read() as connection:
        rows = connection.execute(select(tombstones.c.kind, tombstones.c.hash)).all()
    return frozenset((kind, bytes(mark)) for kind, mark in rows)


def erased_since(ledger: Ledger, moment: datetime) -> bool:
    """Whether somebody was erased after a moment."""
    with ledger.read() as connection:
        last = connection.execute(select(func.max(tombstones.c.happened_at))).scalar()
    return last is not None and last > moment


def running(ledger: Ledger) -> tuple[Erasure, ...]:
    """The erasures that were begun and not finished, oldest first."""
    row = erasures.c
    wanted = (row.erasure, row.customer_id, row.actor, row.state, row.started_at, row.traces, row.numbers)
    with ledger.read() as connection:
        found = connection.execute(select(*wanted).where(row.state == RUNNING).order_by(row.erasure)).all()
    return tuple(
        Erasure(one[0], one[1], one[2], one[3], one[4], Masked(tuple(json.loads(one[5])), tuple(json.loads(one[6]))))
        for one in found
    )


def begin(
    ledger: Ledger,
    customer_id: str,
    marks: Collection[tuple[str, bytes]],
    masked: Masked,
    *,
    who: str,
    why: str,
    now: datetime,
) -> int:
    """Bury the identifiers, mask the person, release what waits to be sent: one transaction; the erasure's number."""
    with ledger.write() as connection:
        number = ledger.take(connection, "erasure")
        row = {"erasure": number, "customer_id": customer_id, "actor": who, "why": why, "state": RUNNING}
        row |= {"started_at": now, "traces": json.dumps(masked.traces), "numbers": json.dumps(masked.numbers)}
        connection.execute(insert(erasures).values(**row))
        graves = {(kind, buried(mark)) for kind, mark in marks}
        known = {(kind, bytes(mark)) for kind, mark in connection.execute(select(tombstones.c.kind, tombstones.c.hash))}
        fresh = [{"kind": kind, "hash": mark, "happened_at": now} for kind, mark in sorted(graves - known)]
        if fresh:
            connection.execute(insert(tombstones), fresh)
        gone = update(outbox).where(_whose(outbox, masked), outbox.c.state.in_(_WAITING))
        connection.execute(gone.values(state="released", reason=ERASED, changed_at=now))
        ledger.take(connection, "catalog")  # readers look again, and find the mask
    return number


def finish(ledger: Ledger, erasure: int, report: dict[str, object], now: datetime) -> None:
    """Close an erasure; whom it was about goes with it."""
    values = {"state": DONE, "ended_at": now, "traces": "[]", "numbers": "[]", "report": json.dumps(report)}
    with ledger.write() as connection:
        connection.execute(update(erasures).where(erasures.c.erasure == erasure).values(**values))
        ledger.take(connection, "catalog")


def count_rows(ledger: Ledger, masked: Masked) -> dict[str, int]:
    """How many rows of each table are about a person; tables without any are left out."""
    found = {}
    with ledger.read() as connection:
        for table in _personal():
            question = select(func.count()).select_from(table).where(_whose(table, masked))
            found[table.name] = int(connection.execute(question).scalar_one())
        found["assignments"] = len(_arms(connection, masked))
        found |= leave_sets(connection, masked.numbers, is_dry=True)
    return {name: count for name, count in found.items() if count}


def scrub(ledger: Ledger, masked: Masked) -> dict[str, int]:
    """Take a person out of every table by its law; how many rows of each were touched. Done again it finds nothing."""
    done: dict[str, int] = {}
    with ledger.write() as connection:
        seqs = connection.execute(select(consents.c.seq).where(among(consents.c.trace, masked.traces))).scalars().all()
        _unsay(connection, frozenset(seqs))
        done["outbox"] = _anonymise(connection, masked)
        for table in _personal():
            if table not in _ANONYMISED:
                done[table.name] = connection.execute(delete(table).where(_whose(table, masked))).rowcount
        done["assignments"] = _leave_arms(connection, masked)
        done |= leave_sets(connection, masked.numbers)
        done["partings"] = done.get("partings", 0) + _leave_partings(connection, masked)
        connection.execute(
            delete(resolves)
        )  # what links were made of names files that are gone; the next are made anew
    return {name: count for name, count in done.items() if count}


def tables_of_persons() -> list[Table]:
    """The tables that have rows of persons, and those that an erasure takes words or members out of."""
    return list(dict.fromkeys([*_personal(), assignments, *SETS, partings, resolves, audit, erasures]))


def _personal() -> list[Table]:
    """The tables that have rows of a person."""
    names = _TRACES | _NUMBERS
    return [table for table in metadata.sorted_tables if _whole(table, names) and table is not erasures]


def _whole(table: Table, names: Collection[str]) -> list[str]:
    """Those of the columns that a table has, and that hold whole numbers."""
    return [column.name for column in table.c if column.name in names and isinstance(column.type, Integer)]


def _whose(table: Table, masked: Masked) -> ColumnElement[bool]:
    """The rows of a table that are about a person."""
    by_trace = [among(table.c[name], masked.traces) for name in _whole(table, _TRACES)]
    by_number = [among(table.c[name], masked.numbers) for name in _whole(table, _NUMBERS)]
    return or_(*by_trace, *by_number)


def _anonymise(connection: Connection, masked: Masked) -> int:
    """Messages of the person become messages to nobody; each gets a new key, the same in both tables, because the old
    one is known to the provider beside the address."""
    keys: set[str] = set()
    for table in _ANONYMISED:
        keys |= set(connection.execute(select(table.c.message_key).where(_whose(table, masked))).scalars())
    fresh = [{"old": key, "fresh": secrets.token_hex(16)} for key in sorted(keys)]
    if not fresh:
        return 0
    for table in _ANONYMISED:
        values: dict[str, Any] = {"number": NOBODY, "trace": NOBODY, "message_key": bindparam("fresh")}
        values |= {"parameters": "{}", "consent_seq": None} if table is outbox else {}
        connection.execute(update(table).where(table.c.message_key == bindparam("old")).values(**values), fresh)
    return len(fresh)


def _unsay(connection: Connection, seqs: frozenset[int]) -> None:
    """The audit keeps that a consent was stated, and loses what was said as its proof."""
    if not seqs:
        return
    rows = connection.execute(select(audit.c.seq, audit.c.body).where(audit.c.verb.in_(_AS_STATED))).all()
    for seq, body in rows:
        said = json.loads(body)
        if said.get("consent") in seqs and said.get("proof"):
            text = json.dumps({**said, "proof": ""}, ensure_ascii=False)
            connection.execute(update(audit).where(audit.c.seq == seq).values(body=text))


def _arms(connection: Connection, masked: Masked) -> list[tuple[Any, ...]]:
    """The parts of arms that hold a person."""
    own, row = BitMap(masked.numbers), assignments.c
    rows = connection.execute(select(row.experiment, row.arm, row.batch, row.members)).all()
    return [tuple(one) for one in rows if own & BitMap.deserialize(one.members)]


def _leave_arms(connection: Connection, masked: Masked) -> int:
    own, row = BitMap(masked.numbers), assignments.c
    found = _arms(connection, masked)
    for experiment, arm, batch, members in found:
        left = (BitMap.deserialize(members) - own).serialize()
        here = and_(row.experiment == experiment, row.arm == arm, row.batch == batch)
        connection.execute(update(assignments).where(here).values(members=left))
    return len(found)


def _leave_partings(connection: Connection, masked: Masked) -> int:
    """Identifiers leave what an operator has set apart; one that parts nobody any more goes."""
    own, row, count = set(masked.traces), partings.c, 0
    for seq, *sides in connection.execute(select(row.seq, row.apart, row.kept)).all():
        before = [json.loads(side) for side in sides]
        after = [[trace for trace in side if trace not in own] for side in before]
        if after == before:
            continue
        count += 1
        if all(after):
            apart, kept = (json.dumps(side) for side in after)
            connection.execute(update(partings).where(row.seq == seq).values(apart=apart, kept=kept))
        else:
            connection.execute(delete(partings).where(row.seq == seq))
    return count
