"""Persons who are kept apart, or must be kept: read off the latest row of each of their identifiers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from sqlalchemy import Connection, func, insert, select

from limner.store.ledger.ledger import Ledger
from limner.store.ledger.many import among
from limner.store.ledger.tables import restrictions

RESTRICTED: Final = "restricted"
HELD: Final = "held"
Kind = Literal["restricted", "held"]


def restricted(ledger: Ledger, kind: Kind, traces: Collection[int] | None = None) -> dict[int, str]:
    """The identifiers (or those given) that are restricted or held now, and why."""
    row = restrictions.c
    newest = select(func.max(row.seq)).where(row.kind == kind).group_by(row.trace)
    question = select(row.trace, row.why).where(row.seq.in_(newest), row.is_on.is_(True))
    if traces is not None:
        question = question.where(among(row.trace, traces))
    with ledger.read() as connection:
        return dict(connection.execute(question).all())


def newest(ledger: Ledger) -> int:
    """What changes when somebody is kept apart, or not any more."""
    with ledger.read() as connection:
        return int(connection.execute(select(func.max(restrictions.c.seq))).scalar() or 0)


def write(
    ledger: Ledger, connection: Connection, kind: Kind, traces: Collection[int], *, is_on: bool, **said: object
) -> None:
    """Write that a person's identifiers are restricted or held, or not any more, inside a write.

    `said` are the columns that say who did it, why and when.
    """
    first = ledger.take(connection, "restriction", len(traces))
    rows = [{"seq": first + n, "trace": t, "kind": kind, "is_on": is_on, **said} for n, t in enumerate(traces)]
    connection.execute(insert(restrictions), rows)
