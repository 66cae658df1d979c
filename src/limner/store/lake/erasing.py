"""Taking a person out of the lake's files: found by the ends of their parts, rewritten part by part.

The law of each table: what speaks of the person goes. Three things stay, as nobody's. An order or refund stays as
money and goods of its day, because turnover is not the person's alone; its order number, session, moment and every
property go. A decision and its outcome stay as those of customer 0, so that the sums of past results still add up.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from limner.core.spans import day_start
from limner.store.lake.catalog import NewFile
from limner.store.lake.splicing import CannotSplice, splice
from limner.store.lake.writing import parquet_options, said, sync, write_file
from limner.store.ledger.erasures import NOBODY

if TYPE_CHECKING:
    from limner.store.lake.tables import LakeTable
    from limner.store.ledger.erasures import Masked

TRACES: Final = ("trace", "with_trace", "other_trace", "beside")
"""Columns that hold an identifier."""

NUMBERS: Final = ("number",)
"""Columns that hold a customer's number."""

_MONEY: Final = frozenset(
    {"seq", "load", "source", "happened_at", "received_at", "name", "day", "item_id", "category", "via", "currency"}
    | {"quantity", "amount", "price", "list_price", "is_history", "p_list_amount", "p_discount", "p_coupon_amount"}
)
"""What is left of an order, a refund or a line once it is nobody's."""

_SUMMED: Final = frozenset({"events", "lines"})
_COUNTED: Final = frozenset({"decisions", "outcomes", "closed_touches"})
_OF_MESSAGES: Final = frozenset({"trace", "message_key", "touch_id"})


@dataclass(frozen=True, slots=True)
class Hit:
    """A file that holds rows of a person: how many, and in which of its parts."""

    table: str
    path: str
    rows: int
    parts: tuple[int, ...]
    is_live: bool


def keys_of(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The columns of a table that hold identifiers, and those that hold numbers."""
    known = set(names)
    return [name for name in TRACES if name in known], [name for name in NUMBERS if name in known]


def whose(rows: pa.Table, masked: Masked) -> pa.ChunkedArray | None:
    """Which rows are about a person; None when the table has no column that says so."""
    traces, numbers = keys_of(rows.column_names)
    hit = None
    for names, wanted in ((traces, masked.traces), (numbers, masked.numbers)):
        for name in names:
            found = pc.fill_null(pc.is_in(rows[name], value_set=pa.array(wanted, pa.int32())), fill_value=False)
            hit = found if hit is None else pc.or_(hit, found)
    return hit


def find(folder: Path, files: Sequence[tuple[str, str, bool]], masked: Masked) -> Iterator[Hit]:
    """The files, given as (table, path, is live), that hold rows of a person; a file that has gone holds none."""
    for table, path, is_live in files:
        try:
            opened = pq.ParquetFile(folder / path)
        except FileNotFoundError:
            continue
        with opened:
            parts = tuple(_parts(opened, masked))
            rows = sum(count for _, count in parts)
        if rows:
            yield Hit(table, path, rows, tuple(part for part, _ in parts), is_live)


def _parts(opened: pq.ParquetFile, masked: Masked) -> Iterator[tuple[int, int]]:
    """The parts that hold rows of a person, and how many."""
    traces, numbers = keys_of(opened.schema_arrow.names)
    wanted = dict.fromkeys(traces, masked.traces) | dict.fromkeys(numbers, masked.numbers)
    wanted = {name: values for name, values in wanted.items() if values}
    places = {name: opened.schema_arrow.get_field_index(name) for name in wanted}
    for part in range(opened.metadata.num_row_groups):
        ends = opened.metadata.row_group(part)
        names = [n for n, values in wanted.items() if _may_hold(ends.column(places[n]).statistics, values)]
        if names:
            hit = whose(opened.read_row_group(part, columns=names, use_threads=False), masked)
            count = int(pc.sum(hit).as_py() or 0)
            if count:
                yield part, count


def _may_hold(ends: Any, values: Sequence[int]) -> bool:
    if ends is None or not ends.has_min_max:
        return True
    return any(ends.min <= value <= ends.max for value in values)


def rewritten(folder: Path, table: LakeTable, hit: Hit, masked: Masked, zone: tzinfo) -> NewFile | None:
    """A new file without the person, written and synced; None when nothing would be left in it.

    Only the parts that hold the person are decoded; the others are copied byte by byte.
    """
    with said(folder), pq.ParquetFile(folder / hit.path, pre_buffer=False) as opened:
        fresh = {part: as_part(without(opened.read_row_group(part), table.name, masked, zone)) for part in hit.parts}
    return patched(folder, table, hit.path, fresh)


def patched(folder: Path, table: LakeTable, old: str, fresh: Mapping[int, bytes | None]) -> NewFile | None:
    """A new file, written and synced, in which some parts of an old one have given place to others (None: to nothing);
    None when nothing would be left in it."""
    path = Path(table.name) / f"{uuid.uuid4().hex}.parquet"
    source, target = folder / old, folder / path
    with said(folder):
        try:
            try:
                rows = splice(source, target, fresh)
            except CannotSplice:
                rows = _decoded(source, target, fresh)
            if not rows:
                target.unlink()
                return None
            sync(target)
            low, high = _ends(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return NewFile(table.name, str(path), rows, target.stat().st_size, min_happened_at=low, max_happened_at=high)


def as_part(left: pa.Table) -> bytes | None:
    """What is left of a part as a file of its own; None when nothing is."""
    if not left.num_rows:
        return None
    body = BytesIO()
    pq.write_table(left, body, row_group_size=left.num_rows, **parquet_options(left.column_names))
    return body.getvalue()


def _decoded(source: Path, target: Path, fresh: Mapping[int, bytes | None]) -> int:
    """`splice` for files whose columns are stored otherwise than ours are now: every part is written anew."""
    rows = 0
    with pq.ParquetFile(source, pre_buffer=False) as opened:
        schema = opened.schema_arrow
        with pq.ParquetWriter(target, schema, **parquet_options(schema.names)) as writer:
            for part in range(opened.metadata.num_row_groups):
                body = fresh.get(part)
                if part in fresh and body is None:
                    continue
                found = opened.read_row_group(part) if body is None else pq.read_table(BytesIO(body)).cast(schema)
                writer.write_table(found, row_group_size=found.num_rows)
                rows += found.num_rows
    return rows


def blanked(folder: Path, table: LakeTable, path: str, column: str, texts: Iterable[str]) -> tuple[NewFile, int] | None:
    """A new file in which a column is empty wherever it held one of these texts, and how often; None when nowhere."""
    rows = pq.read_table(folder / path)
    if column not in rows.column_names:
        return None
    hit = pc.is_in(rows[column], value_set=pa.array(sorted(texts), rows[column].type))
    count = int(pc.sum(hit).as_py() or 0)
    if not count:
        return None
    empty = pc.if_else(hit, pa.scalar("", rows[column].type), rows[column])
    return write_file(folder, table, rows.set_column(rows.column_names.index(column), column, empty)), count


def _ends(path: Path) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment of a file; the parts that do not say theirs are looked at."""
    found: list[datetime] = []
    with pq.ParquetFile(path) as opened:
        place = opened.schema_arrow.get_field_index("happened_at")
        for part in range(opened.metadata.num_row_groups if place >= 0 else 0):
            ends = opened.metadata.row_group(part).column(place).statistics
            if ends is not None and ends.has_min_max:
                found += [ends.min, ends.max]
            else:
                seen = pc.min_max(opened.read_row_group(part, columns=["happened_at"])["happened_at"]).as_py()
                found += [moment for moment in seen.values() if moment is not None]
    return (min(found), max(found)) if found else (None, None)


def without(rows: pa.Table, table: str, masked: Masked, zone: tzinfo) -> pa.Table:
    """The rows with the person taken out by the law of the table."""
    hit = whose(rows, masked)
    if hit is None:
        return rows
    kept, own = rows.filter(pc.invert(hit)), rows.filter(hit)
    if table in _SUMMED:
        if "amount" not in own.column_names:
            return kept
        return pa.concat_tables([kept, _of_nobody(own.filter(pc.is_valid(own["amount"])), zone)])
    if table in _COUNTED:
        return pa.concat_tables([kept, _uncounted(own)])
    return kept


def _of_nobody(rows: pa.Table, zone: tzinfo) -> pa.Table:
    """Money and goods of a day: every column that could say whose they were is empty, the moment is the day's first."""
    columns = []
    for field in rows.schema:
        if field.name == "happened_at":
            moments = [day_start(day, zone) if day is not None else None for day in rows["day"].to_pylist()]
            columns.append(pa.array(moments, field.type))
        elif field.name in _MONEY:
            columns.append(rows[field.name])
        else:
            columns.append(pa.nulls(rows.num_rows, field.type))
    return pa.table(columns, schema=rows.schema)


def _uncounted(rows: pa.Table) -> pa.Table:
    """Decisions and outcomes of customer 0."""
    columns: list[Any] = []
    for field in rows.schema:
        if field.name in NUMBERS:
            columns.append(pa.repeat(pa.scalar(NOBODY, field.type), rows.num_rows))
        elif field.name in _OF_MESSAGES:
            columns.append(pa.nulls(rows.num_rows, field.type))
        else:
            columns.append(rows[field.name])
    return pa.table(columns, schema=rows.schema)


def strays(folder: Path, listed: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Table and path of files that no list names: what a killed process had written before it could enter it."""
    known = set(listed)
    for path in sorted(folder.glob("*/*.parquet")):
        place = str(path.relative_to(folder))
        if path.parent.name not in ("empty", "scratch") and place not in known:
            yield path.parent.name, place


def remove(folder: Path, path: str) -> None:
    """Delete a file at once, and wait for the disk."""
    (folder / path).unlink(missing_ok=True)
    handle = os.open((folder / path).parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def counts(hits: Iterable[Hit]) -> Mapping[str, int]:
    """How many rows of each table."""
    found: dict[str, int] = {}
    for hit in hits:
        if hit.is_live:
            found[hit.table] = found.get(hit.table, 0) + hit.rows
    return found
