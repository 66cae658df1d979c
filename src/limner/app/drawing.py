"""Rows out of databases: drawn before a collect, loaded with it, and cleared away after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select

from limner.app.keys import secret
from limner.core.errors import Busy, Full, LimnerError
from limner.flow.sources import withdraw
from limner.flow.sources.definition import Source
from limner.flow.sources.sql_draw import clear_incoming, draw, waiting
from limner.store.ledger.tables import loads

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

Load = Callable[[str], object]


def databases(shop: Workspace, name: str | None) -> tuple[Source, ...]:
    """The sources that read a database: the one named, or all."""
    found = shop.definitions
    wanted = [found.find(Source, name)] if name else found.of(Source).values()
    return tuple(source for source in wanted if source.sql is not None)


@contextmanager
def drawn(shop: Workspace, name: str | None, load: Load) -> Iterator[None]:
    """What is new in the databases lies ready while the block runs. `load` takes in what a killed run left of a source.

    A database that does not answer keeps nobody waiting: its error comes when the others are in. What was drawn is
    cleared away afterwards, also when it could not be used: it is drawn anew. Only where the disk is
    full, or somebody else writes, it waits for the next run.
    """
    sources = databases(shop, name)
    failed: list[LimnerError] = []
    try:
        for source in sources:
            try:
                _draw(shop, source, load)
            except (Busy, Full):
                raise
            except LimnerError as error:
                _clear(shop, source)
                failed.append(error)
        yield
    except (Busy, Full):
        raise
    except LimnerError:
        for source in sources:
            _clear(shop, source)
        raise
    for source in sources:
        _clear(shop, source)
    if failed:
        raise failed[0]


def _draw(shop: Workspace, source: Source, load: Load) -> None:
    """Read what is new of one source, after what was left of the last reading is in."""
    if waiting(source, shop.folder):
        load(source.id)
        _clear(shop, source)
    _forget(shop, source)
    draw(shop.stores, source, _url(shop, source), shop.folder, shop.tell)


def _url(shop: Workspace, source: Source) -> str:
    place = source.sql.url if source.sql else ""
    return secret(shop.folder, place) if place.startswith(("env:", "file:")) else place


def _clear(shop: Workspace, source: Source) -> None:
    clear_incoming(shop.folder, source.id)


def _forget(shop: Workspace, source: Source) -> None:
    """Take back a load that was cut off and whose rows are gone: they are drawn anew."""
    cut_off = select(loads.c.load).where(loads.c.source == source.id, loads.c.state == "running")
    with shop.stores.ledger.read() as connection:
        found = connection.execute(cut_off).scalars().all()
    for load in found:
        withdraw(shop.stores, load, who=shop.who, now=shop.clock(), state="failed")
