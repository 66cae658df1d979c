"""`quality`, `alerts`, `release`, `drop`: how good the data are, what was found wrong, what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from limner.core.errors import BadInput, words
from limner.flow import sources
from limner.flow.sources import Dropped, Released
from limner.flow.sources.definition import Source
from limner.flow.sources.loads import list_loads
from limner.flow.sources.quality.alerts import Alert, Sighting, close, close_of, held_key, read_alerts, see
from limner.flow.sources.quality.said import said_span
from limner.flow.sources.quality.scoring import (
    SourceQuality,
    TraitQuality,
    late_sources,
    source_quality,
    trait_quality,
)
from limner.flow.sources.quality.suggested import Suggested, suggested

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.app.workspace import Workspace

LATE = "late"
"""The kind of alert that says a source's next load is overdue."""

NO_REASON = words("hold_reason_missing", 'Say why load {load} is {verb}: --why "…". It is kept in the audit.')


def release(shop: Workspace, load: int, *, why: str) -> Released:
    """Bring a load that is held into sight. Who did it and why stand in the audit."""
    _with_reason(load, why, "released")
    now = shop.clock()
    with shop.keeper(now, "release"):
        over = partial(_over, load, now)
        return sources.release(shop.stores, load, why=why.strip(), who=shop.who, now=now, entries=[over])


def drop(shop: Workspace, load: int, *, why: str) -> Dropped:
    """Let go of a load that is held, as if it had never come. Who did it and why stand in the audit."""
    _with_reason(load, why, "dropped")
    now = shop.clock()
    with shop.keeper(now, "drop"):
        over = partial(_gone, load, now)
        return sources.drop(shop.stores, load, why=why.strip(), who=shop.who, now=now, entries=[over])


def alerts(shop: Workspace, *, everything: bool = False) -> tuple[Alert, ...]:
    """The troubles that are open, hard ones first; with `everything` also those that are over."""
    return read_alerts(shop.stores.ledger, everything=everything)


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the data of every source and trait are now, in five dimensions with their counts."""

    now: datetime
    sources: tuple[SourceQuality, ...]
    traits: tuple[TraitQuality, ...]


def quality_show(shop: Workspace, source: str | None = None) -> Quality:
    """How good the data are: of all sources and traits, or of one source and the traits it states."""
    names = sorted(shop.definitions.of(Source))
    if source is not None:
        names = [shop.definitions.find(Source, source).id]
    now, loads = shop.clock(), list_loads(shop.stores)
    found = tuple(source_quality(shop.stores, name, loads, now) for name in names)
    traits = trait_quality(shop.stores, shop.definitions)
    if source is not None:
        stated = set(shop.definitions.find(Source, source).traits)
        traits = tuple(one for one in traits if one.trait in stated)
    return Quality(now, found, traits)


def quality_learn(shop: Workspace, source: str) -> Suggested:
    """The checks that what a source has brought so far suggests, as lines for its YAML."""
    return suggested(shop.stores, shop.definitions.find(Source, source))


def look_for_late(shop: Workspace, now: datetime) -> None:
    """Open an alert for every source whose next load is overdue, and close those of sources that came."""
    late = late_sources(shop.stores, now)
    with shop.stores.ledger.write() as connection:
        on_time = [f"{LATE}:{load}" for load in {one.source for one in list_loads(shop.stores)} - set(late)]
        close(connection, on_time, now)
        found = [
            Sighting(f"{LATE}:{source}", LATE, "soft", source, "loads", None, said_span(now - beat.last_at),
                     f"≤ {said_span(beat.latest)}")
            for source, beat in sorted(late.items())
        ]  # fmt: skip
        see(shop.stores.ledger, connection, found, now)


def _with_reason(load: int, why: str, verb: str) -> None:
    if not why.strip():
        raise BadInput(NO_REASON, load=load, verb=verb)


def _over(load: int, now: datetime, connection: Connection) -> None:
    close(connection, [held_key(load)], now)


def _gone(load: int, now: datetime, connection: Connection) -> None:
    close_of(connection, load, now)
