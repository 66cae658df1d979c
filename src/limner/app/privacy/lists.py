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
from limner.flow.audiences.platforms import every_hash
from limner.store.ledger.tables import audit

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.app.privacy.traces import Needles
    from limner.app.workspace import Workspace

EXPORTS: Final = frozenset({"consent list", "audience list", "audience export", "privacy export"})
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
    words = _words(customer_id, sought)
    for path, owner in _written(shop).items():
        if path.is_dir():
            if owner == customer_id:
                yield Listed(path, sum(1 for _ in path.iterdir()), is_whole=True)
        elif path.is_file() and _is_parquet(path):
            rows = len(_without(path, customer_id)[1])
            if rows:
                yield Listed(path, rows)
        elif path.is_file():
            rows = sum(_names(row, words, sought) for row in _rows(path))
            if rows:
                yield Listed(path, rows)


def strike(found: Listed, customer_id: str, sought: Needles) -> None:
    """Take the person's rows out of a list; a folder about nobody else goes whole."""
    if found.is_whole:
        shutil.rmtree(found.path, ignore_errors=True)
        return
    if _is_parquet(found.path):
        _strike_parquet(found.path, customer_id)
        return
    words = _words(customer_id, sought)
    fresh = found.path.with_name(f".{found.path.name}.fresh")
    coding = "utf-8-sig" if found.path.read_bytes()[:3] == b"\xef\xbb\xbf" else "utf-8"
    with fresh.open("w", encoding=coding, errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(row for row in _rows(found.path) if not _names(row, words, sought))
        file.flush()
        os.fsync(file.fileno())
    shutil.copymode(found.path, fresh)
    fresh.replace(found.path)


def _words(customer_id: str, sought: Needles) -> set[str]:
    """What names the person in a row: the id, the raw forms, and the hashes of them that platforms are given."""
    hashes = (every_hash(kind, raw) for raw, kind in sought.raws.items())
    return {*sought.long, customer_id}.union(*hashes)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _without(path: Path, customer_id: str) -> tuple[pa.Table, pa.Table]:
    """The rows of others, and those of the person."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows = pq.ParquetFile(path).read()
    if "customer_id" not in rows.column_names:
        return rows, rows.slice(0, 0)
    own = pc.equal(rows["customer_id"], customer_id)
    return rows.filter(pc.invert(own)), rows.filter(own)


def _strike_parquet(path: Path, customer_id: str) -> None:
    import pyarrow.parquet as pq

    fresh = path.with_name(f".{path.name}.fresh")
    pq.write_table(_without(path, customer_id)[0], fresh, compression="zstd")
    shutil.copymode(path, fresh)
    fresh.replace(path)


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
