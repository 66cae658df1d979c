"""Loads come into sight and go out of it: in one transaction, so that no reader ever sees half of one.

A load whose source has hard checks is written hidden. When its checks have passed it comes into sight; when one has
broken it is held until somebody releases or drops it. A load released counts as if it had come at that moment: an event
that another load has stated in the meantime stays with that one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlglot import exp

from limner.core.actor import Actor
from limner.core.errors import Clash, words
from limner.core.kinds import identifier_kind
from limner.core.normal import masked
from limner.core.tell import Tell, silent
from limner.flow.sources.duplicates import DUPLICATE_EVENT, DUPLICATE_ORDER, DUPLICATE_REFUND
from limner.flow.sources.loads import STANDING, Counts, Load, load_of, stood_for
from limner.flow.sources.names import ORDER, REFUND
from limner.flow.sources.spares import Yielding, prepare_revival, prepare_yielding
from limner.store.lake.catalog import Sight
from limner.store.ledger.tables import audit, batches, consents, loads

if TYPE_CHECKING:
    from limner.store.stores import Stores

NOT_HELD = words(
    "load_not_held",
    "Load {load} of {file} is not held: it is {state}. limner loads lists the loads; rows that are in sight are taken "
    "back by limner withdraw {load}.",
)

Entry = Callable[[Connection], None]
"""What is written beside, in the same transaction."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Loads that come into sight, hidden ones that are held, and loads that go (load → the state they go to), at once.

    `hidden` are in sight until now, and are held from now on.
    """

    shown: Mapping[int, Counts] = field(default_factory=dict)
    held: Mapping[int, Counts] = field(default_factory=dict)
    gone: Mapping[int, str] = field(default_factory=dict)
    verb: str = ""
    why: str = ""
    hidden: Mapping[int, Counts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shifted:
    """What went with the loads that went (refusals excepted), and how many events came back in their place."""

    rows: Mapping[int, int]
    grants: Mapping[int, int]
    revived: int


def within(stores: Stores, shown: Collection[int], without: Collection[int] = ()) -> Stores:
    """The stores as seen with some hidden loads, and without some that are live."""
    sight = Sight(shown=frozenset(shown), without=frozenset(without))
    return replace(stores, lake=stores.lake.seeing(sight))


def alone(stores: Stores, load: int) -> Stores:
    """The stores as if a load were all there is."""
    return replace(stores, lake=stores.lake.seeing(Sight(only=frozenset({load}))))


def shift(
    stores: Stores, wanted: Shift, *, who: Actor, now: datetime, entries: Sequence[Entry] = (), tell: Tell = silent
) -> Shifted:
    """Bring loads into sight and take others out of it: everything at once, or nothing.

    Events that a load going had stated first come back from the loads that had stated them as well.
    """
    seen = within(stores, wanted.shown, {*wanted.gone, *wanted.hidden})
    revival = prepare_revival(seen, _name(wanted))
    tell(1, 2, "duplicates")
    rows: dict[int, int] = {}
    grants: dict[int, int] = {}
    with stores.ledger.write() as connection:
        for load, state in wanted.gone.items():
            rows[load], grants[load] = _take_out(stores, connection, load, state, now)
        for state, several in (("done", wanted.shown), ("held", {**wanted.held, **wanted.hidden})):
            for load, counts in several.items():
                body = json.dumps(counts.to_dict(), ensure_ascii=False)
                values = {"state": state, "counts": body, "rows": counts.rows, "ended_at": now}
                connection.execute(update(loads).where(loads.c.load == load).values(**values))
        if wanted.shown:
            stores.lake.catalog.show(connection, wanted.shown)
            _heard(connection, wanted.shown, now)
        if wanted.hidden:
            stores.lake.catalog.hide(connection, wanted.hidden)
        stores.lake.enter(connection, revival.ready)
        for entry in entries:
            entry(connection)
        for load in (*wanted.gone, *wanted.shown) if wanted.verb else ():
            _note(stores, connection, load, wanted, rows.get(load), who, now)
    tell(2, 2, "loads")
    return Shifted(rows, grants, revival.events)


def _name(wanted: Shift) -> str:
    """What made room for events that come back: it names their batches, once for each time a load goes or comes."""
    if wanted.hidden:
        return f"revive/hide-{min(wanted.hidden)}"
    if wanted.gone:
        return f"revive/{min(wanted.gone)}" if not wanted.shown else f"revive/{min(wanted.gone)}-{min(wanted.shown)}"
    return f"revive/show-{min(wanted.shown, default=0)}"


def _take_out(stores: Stores, connection: Connection, load: int, state: str, now: datetime) -> tuple[int, int]:
    """Take a load's rows and grants out of every later view; the number of rows and of grants."""
    rows = stores.lake.catalog.withdraw(connection, load, now)
    ours = (consents.c.load == load, consents.c.withdrawn_at.is_(None), consents.c.is_granted.is_(True))
    grants = connection.execute(update(consents).where(*ours).values(withdrawn_at=now)).rowcount
    connection.execute(
        delete(batches).where(batches.c.table_name == "consents", batches.c.batch_id.like(f"load/{load}/%"))
    )
    connection.execute(update(loads).where(loads.c.load == load).values(state=state, withdrawn_at=now))
    return rows, grants


def _heard(connection: Connection, shown: Collection[int], now: datetime) -> None:
    """Grants count from the moment their load comes into sight: before that nobody could act on them."""
    ours = (consents.c.load.in_(shown), consents.c.is_granted.is_(True))
    connection.execute(update(consents).where(*ours).values(received_at=now))


def _note(
    stores: Stores, connection: Connection, load: int, wanted: Shift, rows: int | None, who: Actor, now: datetime
) -> None:
    """A line in the audit: who did what to which load, and why."""
    file = connection.execute(select(loads.c.file).where(loads.c.load == load)).scalar_one()
    said = {"load": load, "file": file, **({} if rows is None else {"rows": rows})}
    body = json.dumps({**said, **({"why": wanted.why} if wanted.why else {})}, ensure_ascii=False)
    seq = stores.ledger.take(connection, "audit")
    connection.execute(insert(audit).values(seq=seq, happened_at=now, actor=who.id, verb=wanted.verb, body=body))


# ------------------------------------------------------------------------------------------------ verbs


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What a withdrawal took back, refusals excepted, and how many duplicates of its events took their place."""

    load: int
    rows: int
    grants: int
    was: str
    revived: int = 0


def withdraw(
    stores: Stores, load: int, *, who: Actor, now: datetime, state: str = "withdrawn", tell: Tell = silent
) -> Withdrawn:
    """Take the rows of a load out of every later view. Its record stays; of its consents the refusals stay too.

    Orders that other loads had stated as well come back from there. Rejects say what happened when they were loaded.
    A load withdrawn before is left as it is. Raises NotFound for a number that was never given.
    """
    found = load_of(stores, load)
    if found.state not in STANDING:
        return Withdrawn(load, 0, 0, found.state)
    if found.state == "held" and state == "withdrawn":
        state = "dropped"
    done = shift(stores, Shift(gone={load: state}, verb="withdraw"), who=who, now=now, tell=tell)
    return Withdrawn(load, done.rows[load], done.grants[load], found.state, done.revived)


@dataclass(frozen=True, slots=True)
class Released:
    """A load that was held and is in sight now: its rows, and those put aside as stated by other loads meanwhile."""

    load: int
    source: str
    file: str
    rows: int
    aside: int
    revived: int


def release(
    stores: Stores, load: int, *, why: str, who: Actor, now: datetime, entries: Sequence[Entry] = ()
) -> Released:
    """Bring a held load into sight. Raises Clash for a load that is not held, NotFound for one that never was.

    What another load has stated since stays with that one, and is a reject of this one.
    """
    found = _held(stores, load)
    name = f"yield/{load}/{stores.lake.catalog.seq()}"
    yielding = prepare_yielding(within(stores, (), stood_for(stores, load)), alone(stores, load), load, name)
    counts = _put_aside(stores, found, yielding, name, now) if yielding.ready else found.counts
    gone = dict.fromkeys(stood_for(stores, load), "withdrawn")
    wanted = Shift(shown={load: counts}, gone=gone, verb="release", why=why)
    done = shift(stores, wanted, who=who, now=now, entries=entries)
    aside = yielding.rows.num_rows if yielding.rows is not None else 0
    return Released(load, found.source, found.file, counts.rows, aside, done.revived)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A load that was held and will not come into sight: its rows and grants. Its refusals stay."""

    load: int
    source: str
    file: str
    rows: int
    grants: int


def drop(stores: Stores, load: int, *, why: str, who: Actor, now: datetime, entries: Sequence[Entry] = ()) -> Dropped:
    """Let go of a held load. Raises Clash for a load that is not held, NotFound for one that never was."""
    found = _held(stores, load)
    done = shift(stores, Shift(gone={load: "dropped"}, verb="drop", why=why), who=who, now=now, entries=entries)
    return Dropped(load, found.source, found.file, done.rows[load], done.grants[load])


def _held(stores: Stores, load: int) -> Load:
    found = load_of(stores, load)
    if found.state != "held":
        raise Clash(NOT_HELD, load=load, file=found.file, state=found.state)
    return found


# ------------------------------------------------------------------------------------------------ putting aside


def _put_aside(stores: Stores, load: Load, yielding: Yielding, name: str, now: datetime) -> Counts:
    """Put aside what others have stated since, while the load is still hidden; its counts after that."""
    rows = _rejects(yielding)
    counts = _recounted(stores, load.counts, rows)
    rejects = stores.lake.prepare("rejects", [(name, _reject_table(load, rows, now), load.load)])
    with stores.ledger.write() as connection:
        stores.lake.catalog.part_with(connection, load.load, ("events", "lines"), now)
        stores.lake.enter(connection, [*yielding.ready, *rejects])
        body = json.dumps(counts.to_dict(), ensure_ascii=False)
        connection.execute(update(loads).where(loads.c.load == load.load).values(counts=body))
    return counts


def _rejects(yielding: Yielding) -> list[dict[str, Any]]:
    rows = [] if yielding.rows is None else yielding.rows.to_pylist()
    reason = {ORDER: DUPLICATE_ORDER, REFUND: DUPLICATE_REFUND}
    return [{**row, "reason": reason.get(row["name"], DUPLICATE_EVENT)} for row in rows]


def _reject_table(load: Load, rows: Sequence[Mapping[str, Any]], now: datetime) -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "load": pa.repeat(pa.scalar(load.load, pa.int64()), len(rows)),
            "source": pa.array([load.source] * len(rows), pa.string()),
            "happened_at": pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), len(rows)),
            "received_at": pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), len(rows)),
            "place": pa.array([load.file] * len(rows), pa.string()),
            "column_name": pa.array([""] * len(rows), pa.string()),
            "value": pa.array([masked(row["order_id"]) for row in rows], pa.string()),
            "reason": pa.array([row["reason"] for row in rows], pa.string()),
        }
    )


def _recounted(stores: Stores, counts: Counts, rows: Sequence[Mapping[str, Any]]) -> Counts:
    """The counts with rows moved to the rejected, from the used or the anonymous."""
    persons = _persons(stores, {row["trace"] for row in rows if row["trace"] is not None})
    nobody = min(sum(row["trace"] not in persons for row in rows), counts.anonymous)
    somebody = min(len(rows) - nobody, counts.used)
    rejected = dict(counts.rejected)
    for row in rows[: nobody + somebody]:
        rejected[row["reason"]] = rejected.get(row["reason"], 0) + 1
    return replace(counts, used=counts.used - somebody, anonymous=counts.anonymous - nobody, rejected=rejected)


def _persons(stores: Stores, traces: Collection[int]) -> frozenset[int]:
    """Those traces whose identifier is a person's."""
    import pyarrow as pa

    given = {"given_traces": pa.table({"trace": pa.array(sorted(traces), pa.int32())})}
    query = exp.select("t.trace", "t.kind").from_("traces AS t").join("given_traces AS g", on="t.trace = g.trace")
    found = stores.lake.table(query, given=given).to_pylist()
    return frozenset(row["trace"] for row in found if identifier_kind(row["kind"]).is_person)
