"""`release`, `drop`, `alerts`: what was found wrong with loads, and what the operator makes of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from limner.core.errors import BadInput, words
from limner.flow import sources
from limner.flow.sources import Dropped, Released
from limner.flow.sources.quality.alerts import Alert, close, close_of, held_key, read_alerts

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from limner.app.workspace import Workspace

NO_REASON = words("hold_reason_missing", 'Say why load {load} is {verb}: --why "…". It is kept in the audit.')


def release(shop: Workspace, load: int, *, why: str) -> Released:
    """Bring a load that is held into sight. Who did it and why stand in the audit."""
    _with_reason(load, why, "released")
    now = shop.clock()
    with shop.stores.ledger.lease("keeper", now, "release"):
        over = partial(_over, load, now)
        return sources.release(shop.stores, load, why=why.strip(), who=shop.who, now=now, entries=[over])


def drop(shop: Workspace, load: int, *, why: str) -> Dropped:
    """Let go of a load that is held, as if it had never come. Who did it and why stand in the audit."""
    _with_reason(load, why, "dropped")
    now = shop.clock()
    with shop.stores.ledger.lease("keeper", now, "drop"):
        over = partial(_gone, load, now)
        return sources.drop(shop.stores, load, why=why.strip(), who=shop.who, now=now, entries=[over])


def alerts(shop: Workspace, *, everything: bool = False) -> tuple[Alert, ...]:
    """The troubles that are open, hard ones first; with `everything` also those that are over."""
    return read_alerts(shop.stores.ledger, everything=everything)


def _with_reason(load: int, why: str, verb: str) -> None:
    if not why.strip():
        raise BadInput(NO_REASON, load=load, verb=verb)


def _over(load: int, now: datetime, connection: Connection) -> None:
    close(connection, [held_key(load)], now)


def _gone(load: int, now: datetime, connection: Connection) -> None:
    close_of(connection, load, now)
