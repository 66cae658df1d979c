"""What is stale: a view is named by the hash of everything it was built from. Nothing else decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from limner.core.ids import version
from limner.store.ledger.tables import consents, outbox

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores


def files_mark(stores: Stores, tables: Iterable[str]) -> str:
    """A mark of the files these tables are made of: it changes when a load comes or goes."""
    snapshot = stores.lake.catalog.snapshot()
    return version({table: sorted(snapshot.of(table)) for table in tables})


def consents_mark(stores: Stores) -> str:
    """A mark of all consents, and of those that messages have used up."""
    with stores.ledger.read() as connection:
        newest = connection.execute(select(func.max(consents.c.seq), func.count(consents.c.withdrawn_at))).one()
        used = connection.execute(
            select(func.count()).where(outbox.c.consent_seq.is_not(None), outbox.c.state != "released")
        ).scalar_one()
    return version([newest[0], newest[1], used])


def definitions_mark(definitions: Definitions, folders: Iterable[str]) -> str:
    """A mark of the definitions in force in these folders."""
    wanted = frozenset(folders)
    return version({f"{f}/{n}": v for (f, n), v in definitions.versions.items() if f in wanted})


def name_of(part: str, asof: datetime, inputs: Mapping[str, object]) -> str:
    """The name of a view: the hash of the station's version, its inputs and the asof."""
    return version({"part": part, "asof": asof, **inputs})
