"""Lists we have written for people or providers: a person's rows leave them, as far as they still lie where they were
written."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from limner.core.ours import Channel
from limner.store.ledger.tables import audit

if TYPE_CHECKING:
    from limner.app.privacy.traces import Needles
    from limner.app.workspace import Workspace

EXPORTS: Final = frozenset({"consent list", "audience list", "privacy export"})
"""The verbs whose line in the audit says where they wrote."""

_DEFAULT: Final = "lists"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that names a person: how many of its rows do. `is_whole`: it is about nobody else."""

    path: Path
    rows: int
    is_whole: bool = False


def lists_with(shop: Workspace, customer_id: str, sought: Needles) -> Iterator[Listed]:
    """The lists and exports that name a person."""
    words = {*sought.long, customer_id}
    for path, owner in _written(shop).items():
        if path.is_dir():
            if owner == customer_id:
                yield Listed(path, sum(1 for _ in path.iterdir()), is_whole=True)
        elif path.is_file() and path.suffix.lower() == ".csv":
            rows = sum(_names(row, words, sought) for row in _rows(path))
            if rows:
                yield Listed(path, rows)


def strike(found: Listed, customer_id: str, sought: Needles) -> None:
    """Take the person's rows out of a list; a folder about nobody else goes whole."""
    if found.is_whole:
        shutil.rmtree(found.path, ignore_errors=True)
        return
    words = {*sought.long, customer_id}
    fresh = found.path.with_name(f".{found.path.name}.fresh")
    with fresh.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(row for row in _rows(found.path) if not _names(row, words, sought))
        file.flush()
        os.fsync(file.fileno())
    shutil.copymode(found.path, fresh)
    fresh.replace(found.path)


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield from csv.reader(file)


def _names(row: list[str], words: set[str], sought: Needles) -> bool:
    return any(word in cell for cell in row for word in words) or any(
        cell.strip("'= \"") in sought.short for cell in row
    )


def _written(shop: Workspace) -> Mapping[Path, str]:
    """Where lists were written, and the customer an export was about ("" for many)."""
    found: dict[Path, str] = {}
    for channel in shop.definitions.of(Channel).values():
        if channel.kind == "file":
            folder = shop.folder / str(channel.options.get("folder", _DEFAULT))
            found |= dict.fromkeys(sorted(folder.glob("*.csv")), "")
    question = select(audit.c.body).where(audit.c.verb.in_(EXPORTS))
    with shop.stores.ledger.read() as connection:
        for text in connection.execute(question).scalars():
            said = json.loads(text)
            if said.get("file"):
                found[Path(said["file"])] = str(said.get("customer", ""))
    return found
