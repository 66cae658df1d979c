"""Files that cannot be used: each is a load that failed, with the reason, and is known until it changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from limner.core.actor import Actor
from limner.core.errors import Busy, Full, LimnerError, packed
from limner.flow.sources.holding import withdraw
from limner.flow.sources.loads import mapping_version
from limner.flow.sources.marks import Given, has_failed, remember_failure, seen_files
from limner.store.ledger.tables import loads

if TYPE_CHECKING:
    from limner.store.stores import Stores


@contextmanager
def failing(stores: Stores, one: Given, who: Actor, now: datetime) -> Iterator[None]:
    """Write down what is wrong with a file that was not begun. A full disk, or somebody else at work, is not."""
    try:
        yield
    except (Busy, Full):
        raise
    except LimnerError as error:
        if not has_failed(one, seen_files(stores, [one.source.id]).get((one.source.id, one.place))):
            _write(stores, one, error, who, now)
        raise


def fail(stores: Stores, one: Given, load: int, error: LimnerError, who: Actor, now: datetime) -> None:
    """Take back what a load wrote before its file failed, and write down why."""
    withdraw(stores, load, who=who, now=now, state="failed")
    if isinstance(error, Busy | Full):
        return
    with stores.ledger.write() as connection:
        connection.execute(update(loads).where(loads.c.load == load).values(why=packed(error)))
        remember_failure(connection, one, packed(error))


def _write(stores: Stores, one: Given, error: LimnerError, who: Actor, now: datetime) -> None:
    """A load that failed before it began; a load of the same content that was cut off is that load."""
    why, source = packed(error), one.source
    with stores.ledger.read() as connection:
        cut_off = connection.execute(
            select(loads.c.load).where(
                loads.c.source == source.id, loads.c.content_hash == one.content, loads.c.state == "running",
                loads.c.mapping_version == mapping_version(source),
            )
        ).scalar()  # fmt: skip
    if cut_off is not None:
        fail(stores, one, cut_off, error, who, now)
        return
    with stores.ledger.write() as connection:
        connection.execute(
            insert(loads).values(
                load=stores.ledger.take(connection, "load"), source=source.id, file=one.path.name, state="failed",
                content_hash=one.content, mapping_version=mapping_version(source), started_at=now, withdrawn_at=now,
                actor=who.id, place=one.place, why=why,
            )
        )  # fmt: skip
        remember_failure(connection, one, why)
