"""What the ledger keeps of audiences: the members of frozen ones, and who came and left at each refresh."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pyroaring import BitMap
from sqlalchemy import Connection, Table, delete, insert, select, update

from limner.store.ledger.ledger import Ledger
from limner.store.ledger.set_tables import frozen_sets, refreshes
from limner.store.ledger.tables import merges

SETS: Final[Mapping[Table, tuple[str, ...]]] = {frozen_sets: ("members",), refreshes: ("came", "went")}
"""The tables that keep sets of customer numbers, and their columns."""
KEPT: Final = 90
"""Refreshes of an audience whose sets are kept; of older ones only the sizes are."""


@dataclass(frozen=True, slots=True)
class FrozenSet:
    """The members an audience was given once, and when."""

    audience: str
    mark: str
    asof: datetime
    frozen_at: datetime
    actor: str
    size: int
    members: BitMap


@dataclass(frozen=True, slots=True)
class Refresh:
    """An audience as one published version has it, against the refresh `before`: who came, who went, and how many of
    its members are customers no more. No sets: nothing to compare with, or too long ago."""

    seq: int
    audience: str
    version: str
    asof: datetime
    refreshed_at: datetime
    mark: str
    size: int
    before: int | None
    came_size: int
    went_size: int
    gone_size: int
    came: BitMap | None
    went: BitMap | None


def frozen(ledger: Ledger, audiences: Collection[str]) -> dict[str, FrozenSet]:
    """What is kept of these audiences; those never frozen are absent."""
    if not audiences:
        return {}
    question = select(*(frozen_sets.c[name] for name in FrozenSet.__slots__))
    with ledger.read() as connection:
        rows = connection.execute(question.where(frozen_sets.c.audience.in_(sorted(audiences)))).all()
    return {row.audience: FrozenSet(**row._asdict() | {"members": BitMap.deserialize(row.members)}) for row in rows}


def freeze(connection: Connection, kept: FrozenSet) -> None:
    """Keep the members of an audience from now on, in the place of those kept before; inside a write."""
    thaw(connection, [kept.audience])
    row = {name: getattr(kept, name) for name in FrozenSet.__slots__} | {"members": kept.members.serialize()}
    connection.execute(insert(frozen_sets).values(**row))


def thaw(connection: Connection, audiences: Collection[str]) -> None:
    """Forget the members kept of some audiences; inside a write."""
    connection.execute(delete(frozen_sets).where(frozen_sets.c.audience.in_(sorted(audiences))))


def all_frozen(ledger: Ledger) -> tuple[str, ...]:
    """The audiences whose members are kept."""
    with ledger.read() as connection:
        return tuple(connection.execute(select(frozen_sets.c.audience).order_by(frozen_sets.c.audience)).scalars())


def passed_on(ledger: Ledger) -> dict[int, int]:
    """Whose number passed to whom: every merge in force, retired number → number kept."""
    row = merges.c
    question = select(row.retired, row.kept).where(row.revived_at.is_(None)).order_by(row.seq)
    with ledger.read() as connection:
        return dict(connection.execute(question).all())


def last_refresh(ledger: Ledger, audience: str, asof: datetime | None = None) -> Refresh | None:
    """The newest refresh of an audience, with `asof` the newest at that moment or before."""
    row = refreshes.c
    question = select(*_columns()).where(row.audience == audience)
    if asof is not None:
        question = question.where(row.asof <= asof)
    with ledger.read() as connection:
        found = connection.execute(question.order_by(row.asof.desc(), row.seq.desc()).limit(1)).one_or_none()
    return _refresh(found) if found is not None else None


def back_from(ledger: Ledger, last: Refresh) -> Iterator[Refresh]:
    """A refresh, the one it was compared with, and so on."""
    found: Refresh | None = last
    while found is not None:
        yield found
        before = found.before
        found = None
        if before is not None:
            with ledger.read() as connection:
                row = connection.execute(select(*_columns()).where(refreshes.c.seq == before)).one_or_none()
            found = _refresh(row) if row is not None else None


def put_refresh(ledger: Ledger, connection: Connection, **row: Any) -> None:
    """Write a refresh, and let go of the sets of the one that is now too long ago; inside a write."""
    sets = {name: row[name].serialize() if row[name] is not None else None for name in ("came", "went")}
    connection.execute(insert(refreshes).values(seq=ledger.take(connection, "refresh"), **(row | sets)))
    kept = select(refreshes.c.seq).where(refreshes.c.audience == row["audience"]).order_by(refreshes.c.seq.desc())
    last = connection.execute(kept.offset(KEPT).limit(1)).scalar()
    if last is not None:
        old = (refreshes.c.audience == row["audience"]) & (refreshes.c.seq <= last)
        connection.execute(update(refreshes).where(old, refreshes.c.came.is_not(None)).values(came=None, went=None))


def leave_sets(connection: Connection, numbers: Collection[int], *, is_dry: bool = False) -> dict[str, int]:
    """Take customers out of every set kept; how many rows of each table held one of them."""
    own, done = BitMap(numbers), {}
    for table, names in SETS.items():
        keys = list(table.primary_key.columns)
        held = 0
        for row in connection.execute(select(*keys, *(table.c[name] for name in names))).all():
            sets = {name: BitMap.deserialize(body) for name, body in zip(names, row[len(keys) :], strict=True) if body}
            changed = {name: (found - own).serialize() for name, found in sets.items() if found & own}
            held += bool(changed)
            if changed and not is_dry:
                here = [key == value for key, value in zip(keys, row, strict=False)]
                connection.execute(update(table).where(*here).values(**changed))
        done[table.name] = held
    return done


def _columns() -> list[Any]:
    return [refreshes.c[name] for name in Refresh.__slots__]


def _refresh(row: Any) -> Refresh:
    sets = {name: BitMap.deserialize(row._mapping[name]) for name in ("came", "went") if row._mapping[name] is not None}
    return Refresh(**{**row._mapping, **sets})
