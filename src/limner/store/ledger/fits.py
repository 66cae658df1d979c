"""What selectors have learned, by name and asof."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from limner.store.ledger.ledger import Ledger
from limner.store.ledger.tables import fits


def latest(ledger: Ledger, name: str, asof: datetime) -> tuple[datetime, Mapping[str, Any]] | None:
    """The newest fit of a name learned at or before an asof: when, and what."""
    row = fits.c
    question = select(row.asof, row.body).where(row.name == name, row.asof <= asof).order_by(row.asof.desc()).limit(1)
    with ledger.read() as connection:
        found = connection.execute(question).first()
    return None if found is None else (found.asof, json.loads(found.body))


def write(connection: Connection, name: str, asof: datetime, body: Mapping[str, Any], made_at: datetime) -> None:
    """Keep a fit, inside a write; one of that name and asof stays as it is."""
    row = fits.c
    there = connection.execute(select(row.name).where(row.name == name, row.asof == asof)).first()
    if there is None:
        text = json.dumps(dict(body), ensure_ascii=False, sort_keys=True)
        connection.execute(insert(fits).values(name=name, asof=asof, body=text, made_at=made_at))


def drop_before(connection: Connection, name: str, moment: datetime) -> None:
    """Drop the fits made before a moment whose names begin as a name does, up to its last hyphen, inside a write."""
    family = name.rpartition("-")[0] + "-"
    connection.execute(delete(fits).where(fits.c.name.startswith(family, autoescape=True), fits.c.made_at < moment))
