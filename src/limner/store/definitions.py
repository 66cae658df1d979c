"""Definitions in the ledger: every version is kept, a head says which one is in force, a base what was last applied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select, update

from limner.core.definition import FOLDERS, as_mapping, read
from limner.core.errors import NotFound, near, words
from limner.core.ids import version
from limner.core.kinds import IdentifierRule, Kinds, kinds_of
from limner.store.ledger import Ledger
from limner.store.ledger.tables import definitions, heads

UNKNOWN_DEFINITION = words("definition_unknown", "There is no {folder} {name!r}. {next_step}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Definitions:
    """The definitions in force: folder → id → value, and the version of each. Frozen; a change is a new value."""

    by_folder: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    versions: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def of(self, cls: type[T]) -> Mapping[str, T]:
        """All definitions of a class by id."""
        folder = folder_of(cls)
        return self.by_folder.get(folder, {})

    def find(self, cls: type[T], name: str) -> T:
        """The definition of that id or display name."""
        known = self.of(cls)
        if name in known:
            return known[name]
        for value in known.values():
            if name in (getattr(value, "name", None), getattr(value, "name_en", None)):
                return value
        names = [*known, *(n for n in (getattr(v, "name", "") for v in known.values()) if n)]
        folder = folder_of(cls)
        step = (
            f"Known: {', '.join(sorted(known)[:20])}." if known else f"Put a file into {folder}/ and run limner apply."
        )
        raise NotFound(
            UNKNOWN_DEFINITION, near=near(name, names), folder=cls.__name__.lower(), name=name, next_step=step
        )

    def version(self, cls: type, name: str) -> str:
        """The version of a definition in force."""
        return self.versions[folder_of(cls), name]

    def all(self) -> Iterator[tuple[str, str, Any]]:
        """Folder, id and value of each."""
        for folder, found in self.by_folder.items():
            for name, value in found.items():
                yield folder, name, value


def folder_of(cls: type) -> str:
    """The folder of a definition class."""
    return next(folder for folder, known in FOLDERS.items() if known is cls)


def load_definitions(ledger: Ledger, folder: str = "") -> Definitions:
    """The definitions in force in a ledger: all of them, or those of one folder."""
    question = (
        select(heads.c.folder, heads.c.id, heads.c.version, definitions.c.body, heads.c.place)
        .join(
            definitions,
            (definitions.c.folder == heads.c.folder)
            & (definitions.c.id == heads.c.id)
            & (definitions.c.version == heads.c.version),
        )
        .order_by(heads.c.folder, heads.c.id)
    )
    if folder:
        question = question.where(heads.c.folder == folder)
    with ledger.read() as connection:
        rows = connection.execute(question).all()
    by_folder: dict[str, dict[str, Any]] = {}
    versions = {}
    for folder, name, mark, body, place in rows:
        if folder in FOLDERS:
            by_folder.setdefault(folder, {})[name] = read(
                FOLDERS[folder], json.loads(body), place or f"{folder}/{name}"
            )
            versions[folder, name] = mark
    return Definitions(MappingProxyType(by_folder), MappingProxyType(versions))


def load_kinds(ledger: Ledger) -> Kinds:
    """The kinds of identifier as the definitions in force say: every reader of identifiers asks here."""
    return kinds_of(load_definitions(ledger, folder_of(IdentifierRule)).of(IdentifierRule))


@dataclass(frozen=True, slots=True)
class Head:
    """What the ledger says of one definition: the version in force (None: removed) and the one last applied."""

    version: str | None
    base: str | None
    place: str


def read_heads(ledger: Ledger) -> dict[tuple[str, str], Head]:
    """Every head by folder and id."""
    with ledger.read() as connection:
        rows = connection.execute(select(heads)).mappings().all()
    return {(row["folder"], row["id"]): Head(row["version"], row["base"], row["place"]) for row in rows}


def write_definition(connection: Connection, folder: str, value: Any, *, place: str, now: datetime, actor: str) -> str:
    """Put a definition in force, inside a write; its version."""
    body = as_mapping(value)
    mark = version(body)
    name = str(value.id)  # a default id is left out of the body
    key = (definitions.c.folder == folder, definitions.c.id == name)
    if connection.execute(select(definitions.c.id).where(*key, definitions.c.version == mark)).first() is None:
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
        connection.execute(
            insert(definitions).values(folder=folder, id=name, version=mark, body=text, created_at=now, actor=actor)
        )
    _set_head(connection, folder, name, mark, place)
    return mark


def remove_definition(connection: Connection, folder: str, name: str) -> None:
    """Take a definition out of force, inside a write; its versions stay."""
    _set_head(connection, folder, name, None, "")


def _set_head(connection: Connection, folder: str, name: str, mark: str | None, place: str) -> None:
    here = (heads.c.folder == folder, heads.c.id == name)
    if connection.execute(select(heads.c.id).where(*here)).first() is None:
        connection.execute(insert(heads).values(folder=folder, id=name, version=mark, base=mark, place=place))
    else:
        connection.execute(update(heads).where(*here).values(version=mark, base=mark, place=place))
