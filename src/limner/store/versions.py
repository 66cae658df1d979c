"""Definitions as they were: the version a plan was made from, not the one in force today."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

from limner.core.definition import read
from limner.store.definitions import folder_of
from limner.store.ledger.tables import definitions as bodies

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.store.definitions import Definitions

T = TypeVar("T")


def as_it_was(connection: Connection, definitions: Definitions, cls: type[T], name: str, mark: str) -> T:
    """A definition at one of its versions; the one in force where the ledger never kept that version."""
    folder = folder_of(cls)
    question = select(bodies.c.body).where(bodies.c.folder == folder, bodies.c.id == name, bodies.c.version == mark)
    body = connection.execute(question).scalar()
    if body is None:
        return definitions.find(cls, name)
    return read(cls, json.loads(body), f"{folder}/{name}@{mark}")
