"""Alerts: a trouble is one row from its first sight until it is over, however often it is seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from limner.flow.sources.quality.results import CheckResult
from limner.store.ledger.tables import alerts

if TYPE_CHECKING:
    from limner.store.ledger import Ledger

HELD = "held"
"""The kind of alert that says a load is held."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A trouble as it is seen now. Two sightings with one key are the same trouble."""

    key: str
    kind: str
    level: str
    source: str
    subject: str
    load: int | None = None
    value: str = ""
    bound: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """A trouble: since when, when it was seen last and how often, and when it was over (None: it is not)."""

    alert: int
    kind: str
    level: str
    source: str
    subject: str
    load: int | None
    value: str
    bound: str
    times: int
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None


def key_of(result: CheckResult) -> str:
    """What makes a broken check the same trouble on the next load: source, check and subject."""
    return f"check:{result.source}:{result.origin}:{result.kind}:{result.subject}"


def held_key(load: int) -> str:
    """The trouble that a load is held."""
    return f"{HELD}:{load}"


def sighting_of(result: CheckResult) -> Sighting:
    """A broken check as a trouble."""
    return Sighting(
        key_of(result), result.kind, result.level, result.source, result.subject, result.load, result.value,
        result.bound,
    )  # fmt: skip


def see(ledger: Ledger, connection: Connection, found: Sequence[Sighting], now: datetime) -> None:
    """Write down troubles inside the caller's transaction: those that are open are seen again, others are opened."""
    row = alerts.c
    for one in found:
        was = connection.execute(
            select(row.alert).where(row.alert_key == one.key, row.closed_at.is_(None))
        ).scalar_one_or_none()
        said = {"level": one.level, "load": one.load, "value": one.value, "bound": one.bound, "seen_at": now}
        if was is not None:
            connection.execute(update(alerts).where(row.alert == was).values(**said, times=row.times + 1))
            continue
        number = ledger.take(connection, "alert")
        new = {"alert": number, "alert_key": one.key, "kind": one.kind, "source": one.source, "subject": one.subject}
        connection.execute(insert(alerts).values(**new, **said, opened_at=now, times=1))


def close(connection: Connection, keys: Collection[str], now: datetime) -> None:
    """Say that troubles are over; those that are not open are left."""
    row = alerts.c
    if keys:
        over = (row.closed_at.is_(None), row.alert_key.in_(list(keys)))
        connection.execute(update(alerts).where(*over).values(closed_at=now))


def close_of(connection: Connection, load: int, now: datetime) -> None:
    """Say that the troubles last seen in a load are over: it has gone."""
    row = alerts.c
    connection.execute(update(alerts).where(row.closed_at.is_(None), row.load == load).values(closed_at=now))


def read_alerts(ledger: Ledger, *, everything: bool = False) -> tuple[Alert, ...]:
    """The open troubles, hard ones first, then the newest; with `everything` also those that are over."""
    row = alerts.c
    query = select(alerts).order_by(row.closed_at.is_not(None), row.level, row.seen_at.desc(), row.alert)
    with ledger.read() as connection:
        found = connection.execute(query if everything else query.where(row.closed_at.is_(None))).mappings().all()
    return tuple(_alert(one) for one in found)


def _alert(row: Mapping[Any, Any]) -> Alert:
    return Alert(**{name: row[name] for name in Alert.__slots__})
