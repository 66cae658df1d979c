"""What is stale: a view is named by the hash of everything it was built from. Nothing else decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from limner.core.ids import version
from limner.store.lake.catalog import LIVE
from limner.store.ledger.consents import is_unseen
from limner.store.ledger.tables import consents, files, outbox

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.stores import Stores


def files_mark(stores: Stores, tables: Iterable[str], asof: datetime) -> str:
    """A mark of the files these tables are made of at an asof: it changes when a load comes or goes.

    A file whose rows all happened at or after the asof is not seen there, and so changes nothing.
    """
    row = files.c
    question = (
        select(row.table_name, row.path)
        .where(
            *LIVE.where(),
            row.table_name.in_(list(tables)),
            or_(row.min_happened_at.is_(None), row.min_happened_at < asof),
        )
        .order_by(row.table_name, row.path)
    )
    with stores.ledger.read() as connection:
        return version([list(found) for found in connection.execute(question)])


def consents_mark(stores: Stores, asof: datetime) -> str:
    """A mark of the consents before an asof, and of those that messages have used up."""
    row, sent = consents.c, outbox.c
    with stores.ledger.read() as connection:
        newest = connection.execute(
            select(func.max(row.seq), func.count(row.withdrawn_at)).where(row.happened_at < asof)
        ).one()
        hidden = connection.execute(select(func.count()).where(row.happened_at < asof, is_unseen())).scalar_one()
        used = connection.execute(
            select(func.count()).where(sent.consent_seq.is_not(None), sent.state != "released", sent.moment < asof)
        ).scalar_one()
    return version([newest[0], newest[1], used, *([hidden] if hidden else [])])


def definitions_mark(definitions: Definitions, folders: Iterable[str]) -> str:
    """A mark of the definitions in force in these folders."""
    wanted = frozenset(folders)
    return version({f"{f}/{n}": v for (f, n), v in definitions.versions.items() if f in wanted})


def name_of(part: str, asof: datetime, inputs: Mapping[str, object]) -> str:
    """The name of a view: the hash of the station's version, its inputs and the asof, in whatever zone it was said."""
    return version({"part": part, "asof": asof.astimezone(UTC), **inputs})
