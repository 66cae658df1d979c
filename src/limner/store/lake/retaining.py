"""Rows that have grown old: found by the ends of files and of their parts, dropped whole where all of it is old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from limner.store.lake.beside import is_side, side_without
from limner.store.lake.erasing import as_part, keys_of, patched, remove
from limner.store.lake.leaving import side_moments
from limner.store.lake.tables import EVENTS
from limner.store.lake.writing import said

if TYPE_CHECKING:
    from limner.store.lake.duckdb import DuckLake

_AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Age:
    """Which rows of a table are too old: those whose moment lies before an instant, of one source or name only when
    given. The moment is when it happened, or when it was received where that is not known.

    Rows of identifiers in `kept` stay, however old.
    """

    table: str
    before: datetime
    source: str = ""
    name: str = ""
    kept: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Aged:
    """A file with rows that are too old: how many there are, how many go, how many stay for the sake of a person, and
    which of its parts are touched (none: the file goes whole); beside a file read where it lies, which `seqs` go."""

    table: str
    path: str
    rows: int
    old: int
    kept: int
    parts: Mapping[int, int] = field(default_factory=dict)
    seqs: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing would be left of the file."""
        return self.old == self.rows


def find(lake: DuckLake, age: Age) -> Iterator[Aged]:
    """The files with rows that are too old, those of hidden loads included; a file that has gone holds none.

    Every file's own ends are looked at: the catalog's say nothing of rows that do not know when they happened.
    """
    for path in lake.catalog.all_files().of(age.table):
        try:
            found = _look(lake.folder, path, age)
        except FileNotFoundError:
            continue
        if found.old or found.kept:
            yield found
    yield from _lying(lake, age) if age.table == EVENTS.name else ()


def drop(lake: DuckLake, found: Aged, age: Age) -> None:
    """Take the old rows of a file out of the lake, and delete what held them. One transaction, which may be repeated:
    the batch of the file stands as written, and so is never written again.

    Of a file that is read where it lies only what stands beside it changes."""
    new = None
    if is_side(found.path):
        old = lake.catalog.entry(found.path)
        gone = pa.array(found.seqs, pa.int64())
        new = side_without(lake.folder, lake.sides, old, lambda rows: pc.is_in(rows["seq"], value_set=gone))
    elif not found.is_whole:
        new = patched(lake.folder, lake.declared(found.table), found.path, _left(lake.folder, found, age))
    with lake.ledger.write() as connection:
        lake.catalog.swap(connection, found.path, new, _AT_ONCE)
    remove(lake.folder, found.path)
    with lake.ledger.write() as connection:
        lake.catalog.forget(connection, [found.path])


def _lying(lake: DuckLake, age: Age) -> Iterator[Aged]:
    """Rows of files that are read where they lie; a file that has gone, or is another now, is left to the next time."""
    for side, moments in side_moments(lake):
        hit, stays = _which(moments, age)
        if _count(hit) or _count(stays):
            seqs = tuple(moments["seq"].filter(hit).to_pylist())
            yield Aged(age.table, side.path, moments.num_rows, len(seqs), _count(stays), seqs=seqs)


def _look(folder: Path, path: str, age: Age) -> Aged:
    old = kept = 0
    parts: dict[int, int] = {}
    with said(folder), pq.ParquetFile(folder / path) as opened:
        names = _columns(opened.schema_arrow.names, age)
        place = opened.schema_arrow.get_field_index("happened_at")
        is_plain = set(names) <= {"happened_at", "received_at"}
        for part in range(opened.metadata.num_row_groups):
            group = opened.metadata.row_group(part)
            ends = group.column(place).statistics if place >= 0 else None
            if _is_young(ends, age.before):
                continue
            if is_plain and _is_old(ends, age.before):
                parts[part] = group.num_rows
            else:
                hit, stays = _which(opened.read_row_group(part, columns=names, use_threads=False), age)
                count, spared = _count(hit), _count(stays)
                kept += spared
                if count:
                    parts[part] = count
            old += parts.get(part, 0)
        return Aged(age.table, path, opened.metadata.num_rows, old, kept, parts)


def _left(folder: Path, found: Aged, age: Age) -> dict[int, bytes | None]:
    """What is left of each part that is touched, as a file of its own."""
    fresh: dict[int, bytes | None] = {}
    with said(folder), pq.ParquetFile(folder / found.path, pre_buffer=False) as opened:
        for part, count in found.parts.items():
            if count == opened.metadata.row_group(part).num_rows:
                fresh[part] = None
                continue
            rows = opened.read_row_group(part)
            hit, _ = _which(rows, age)
            fresh[part] = as_part(rows.filter(pc.invert(hit)))
    return fresh


def _columns(names: list[str], age: Age) -> list[str]:
    """The columns that say whether a row is too old."""
    wanted = {"happened_at", "received_at", *(["source"] if age.source else []), *(["name"] if age.name else [])}
    return [name for name in names if name in wanted or (age.kept and name in keys_of(names)[0])]


def _which(rows: pa.Table, age: Age) -> tuple[Any, Any]:
    """Which rows go, and which would if nobody had to be kept."""
    nobody: Any = pa.array(np.zeros(rows.num_rows, bool))
    moments = [rows[name] for name in ("happened_at", "received_at") if name in rows.column_names]
    moment = pc.coalesce(*moments) if moments else None
    hit = pc.less(moment, pa.scalar(age.before, moment.type)) if moment is not None else nobody
    for name, value in (("source", age.source), ("name", age.name)):
        if value:  # a column in which nothing is known is left out of a file
            hit = pc.and_(hit, pc.equal(rows[name], value)) if name in rows.column_names else nobody
    hit = pc.fill_null(hit, fill_value=False)
    stays = nobody
    kept = pa.array(age.kept, pa.int32())
    for name in keys_of(rows.column_names)[0] if age.kept else ():
        stays = pc.or_(stays, pc.fill_null(pc.is_in(rows[name], value_set=kept), fill_value=False))
    return pc.and_(hit, pc.invert(stays)), pc.and_(hit, stays)


def _count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _is_young(ends: Any, before: datetime) -> bool:
    return ends is not None and ends.has_min_max and not _nulls(ends) and ends.min >= before


def _is_old(ends: Any, before: datetime) -> bool:
    return ends is not None and ends.has_min_max and not _nulls(ends) and ends.max < before


def _nulls(ends: Any) -> bool:
    return not ends.has_null_count or bool(ends.null_count)
