"""Published versions of views: which version of a view readers see, and at which asof others stand beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from limner.store.ledger.ledger import Ledger
from limner.store.ledger.tables import views


@dataclass(frozen=True, slots=True)
class Published:
    """A published version of a view: its name is the hash of what it was built from; its label (asof, catalog seq)."""

    name: str
    version: str
    asof: datetime | None
    catalog_seq: int
    published_at: datetime
    body: dict[str, object]


def publish(connection: Connection, ledger: Ledger, new: Published) -> None:
    """Make a version the newest of its view, inside a write. Publishing a version again moves it to the front."""
    row = views
    order_no = ledger.take(connection, "view")
    connection.execute(delete(row).where(row.c.name == new.name, row.c.version == new.version))
    connection.execute(
        insert(row).values(
            name=new.name,
            version=new.version,
            asof=new.asof,
            catalog_seq=new.catalog_seq,
            published_at=new.published_at,
            order_no=order_no,
            body=json.dumps(new.body, ensure_ascii=False, sort_keys=True),
        )
    )


def current(ledger: Ledger, name: str, asof: datetime | None = None) -> Published | None:
    """The newest version of a view, or the newest at exactly `asof`; None when there is none."""
    question = select(views).where(views.c.name == name)
    if asof is not None:
        question = question.where(views.c.asof == asof)
    with ledger.read() as connection:
        found = connection.execute(question.order_by(views.c.order_no.desc()).limit(1)).mappings().first()
    return _published(found) if found is not None else None


def named(ledger: Ledger, name: str, version: str) -> Published | None:
    """A version of a view by its name."""
    question = select(views).where(views.c.name == name, views.c.version == version)
    with ledger.read() as connection:
        found = connection.execute(question).mappings().first()
    return _published(found) if found is not None else None


def every(ledger: Ledger, name: str) -> list[Published]:
    """All versions of a view, newest first."""
    with ledger.read() as connection:
        found = connection.execute(select(views).where(views.c.name == name).order_by(views.c.order_no.desc()))
        return [_published(row) for row in found.mappings()]


def _published(row: object) -> Published:
    from collections.abc import Mapping
    from typing import Any, cast

    values = cast("Mapping[str, Any]", row)
    return Published(
        values["name"],
        values["version"],
        values["asof"],
        values["catalog_seq"],
        values["published_at"],
        json.loads(values["body"]),
    )
