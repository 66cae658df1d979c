"""`collect`, `loads`, `withdraw`: facts in, and back out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.app.opening import need_room
from limner.flow import sources
from limner.flow.sources import Collected, Load, Withdrawn

if TYPE_CHECKING:
    from limner.app.workspace import Workspace


def collect(
    shop: Workspace, source: str | None = None, *, file: Sequence[Path] = (), replaces: int | None = None
) -> Collected:
    """Take in the files of a source (default: of all), or the files given. The same file twice changes nothing.

    `replaces` names the load whose place they take: it is withdrawn first.
    """
    need_room(shop.folder, shop.settings)
    now = shop.clock()
    shop.declare()
    with shop.stores.ledger.lease("keeper", now, "collect"):
        if replaces is not None:
            sources.withdraw(shop.stores, replaces, who=shop.who, now=now)
        return sources.collect(
            shop.stores,
            shop.definitions,
            sources=(source,) if source else (),
            files=tuple(file),
            folder=shop.folder,
            who=shop.who,
            now=now,
            tell=shop.tell,
        )


def loads(shop: Workspace) -> tuple[Load, ...]:
    """All loads, newest last."""
    return sources.list_loads(shop.stores)


def withdraw(shop: Workspace, load: int) -> Withdrawn:
    """Take the rows of a load out of every later view; the record of it stays."""
    now = shop.clock()
    with shop.stores.ledger.lease("keeper", now, "withdraw"):
        return sources.withdraw(shop.stores, load, who=shop.who, now=now)
