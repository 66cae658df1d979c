"""Putting small files together: what comes in live comes in many files, and a reader opens every one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete, insert, or_, select, update

from limner.store.lake.catalog import CATALOG
from limner.store.lake.writing import fit, write_file
from limner.store.ledger.tables import batches, files, loads

if TYPE_CHECKING:
    from limner.store.lake.catalog import NewFile
    from limner.store.lake.duckdb import DuckLake

SMALL: Final = 250_000
"""Rows under which a file is small."""

MANY: Final = 16
"""Small files of one table and load that are put together."""

MOST: Final = 1_000_000
"""Rows of a file made of small ones."""

LIVE: Final = "live "
"""What the content of a live load begins with: its batches are never written again."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Small files of one table and load, oldest first."""

    table: str
    load: int | None
    paths: tuple[str, ...]


def crowds(lake: DuckLake, many: int = MANY) -> list[Crowd]:
    """The small files that are to be put together; those of loads from files stand as they are."""
    live = select(loads.c.load).where(loads.c.content_hash.like(f"{LIVE}%"), loads.c.state.in_(("done", "held")))
    mine = or_(files.c.load.is_(None), files.c.load.in_(live))
    small = (files.c.seq_out.is_(None), files.c.version == "", files.c.rows < SMALL, mine)
    wanted = (
        select(files.c.table_name, files.c.load, files.c.path, files.c.rows).where(*small).order_by(files.c.file_id)
    )
    groups: dict[tuple[str, int | None], list[tuple[str, int]]] = {}
    with lake.ledger.read() as connection:
        for table, load, path, rows in connection.execute(wanted):
            groups.setdefault((table, load), []).append((path, rows))
    found = []
    for (table, load), members in groups.items():
        if len(members) >= many:
            found += [Crowd(table, load, paths) for paths in _within(members)]
    return found


def _within(members: Sequence[tuple[str, int]]) -> Iterator[tuple[str, ...]]:
    """Neighbours that together have no more rows than a file may have; one alone is left."""
    paths: list[str] = []
    rows = 0
    for path, count in members:
        if paths and rows + count > MOST:
            if len(paths) > 1:
                yield tuple(paths)
            paths, rows = [], 0
        paths.append(path)
        rows += count
    if len(paths) > 1:
        yield tuple(paths)


def put_together(lake: DuckLake, crowd: Crowd, now: datetime) -> bool:
    """One file in the place of a crowd; False when one of them has gone meanwhile. The rows are the same rows."""
    declared = lake.declared(crowd.table)
    try:
        parts = [pq.read_table(lake.folder / path, partitioning=None) for path in crowd.paths]
    except FileNotFoundError:
        return False
    rows = fit(pa.concat_tables(parts, promote_options="default"), declared, {})
    new = write_file(lake.folder, declared, rows, load=crowd.load)
    with lake.ledger.write() as connection:
        same = (files.c.path.in_(crowd.paths), files.c.seq_out.is_(None))
        there = connection.execute(select(files.c.batch_id).where(*same)).scalars().all()
        if len(there) == len(crowd.paths):
            seq = lake.ledger.take(connection, CATALOG)
            connection.execute(update(files).where(*same).values(seq_out=seq, dropped_at=now))
            connection.execute(insert(files).values(**_entry(new, lake.ledger.take(connection, "file"), seq)))
            gone = (batches.c.table_name == crowd.table, batches.c.batch_id.in_(there))
            connection.execute(delete(batches).where(*gone))
            return True
    (lake.folder / new.path).unlink(missing_ok=True)
    return False


def _entry(new: NewFile, number: int, seq: int) -> dict[str, object]:
    return {
        "file_id": number, "table_name": new.table_name, "path": new.path, "batch_id": f"together/{number}",
        "load": new.load, "version": "", "rows": new.rows, "bytes": new.size, "seq_in": seq,
        "min_happened_at": new.min_happened_at, "max_happened_at": new.max_happened_at,
    }  # fmt: skip
