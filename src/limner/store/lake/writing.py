"""Rows on their way into the lake: fitted to their table, sorted, written as one Parquet file, synced."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from limner.core.errors import Broken, Full, NotFound, near, words
from limner.store.lake.catalog import NewFile
from limner.store.lake.ordered import ordered
from limner.store.lake.tables import LakeTable

MISSING_COLUMN = words("lake_column_missing", "The rows for {table} lack the column {column!r}.")
NOT_ANSWERED = words("lake_query_failed", "The lake could not answer: {why}")
NO_ROOM = words("lake_full", "There is no room left in {place}: {why}. Free some space, then run this again.")

ARROW: Mapping[str, pa.DataType] = {
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "money": pa.decimal128(18, 4),
    "instant": pa.timestamp("us", tz="UTC"),
    "hash": pa.binary(),
}
"""The Arrow type of each of our column types."""


_COMPRESSION: Final = "snappy"
"""A quarter larger than zstd and written in two thirds of the time; every engine reads it."""

_AT_ONCE: Final = 2
"""Files that are written at the same time."""

_UNLIKE: Final = frozenset(
    {"seq", "hash", "event_key", "trace", "with_trace", "happened_at", "session", "order_id", "line", "number"}
    | {"message_key", "place", "value", "decision"}
)
"""Columns whose values hardly repeat: a dictionary of them would be made and thrown away."""

_SOUGHT: Final = frozenset(
    {
        "trace",
        "with_trace",
        "other_trace",
        "beside",
        "part",
        "number",
        "happened_at",
        "day",
        "name",
        "kind",
        "load",
        "plan_id",
    }
)
"""Columns by whose ends a reader leaves out parts of a file."""


def arrow_schema(table: LakeTable) -> pa.Schema:
    """A table's columns as an Arrow schema."""
    return pa.schema([pa.field(name, ARROW[kind]) for name, kind in table.columns.items()])


def write_file(
    folder: Path,
    table: LakeTable,
    rows: pa.Table,
    *,
    load: int | None = None,
    version: str = "",
    part: str = "",
) -> NewFile:
    """One new file of a table; nothing of it is left when that fails."""
    path = Path(table.name) / f"{uuid.uuid4().hex}.parquet"
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with said(folder):
        try:
            _write_rows(table, rows, target)
            sync(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    low, high = None, None
    if "happened_at" in table.columns and rows.num_rows:
        ends = pc.min_max(rows["happened_at"]).as_py()
        low, high = ends["min"], ends["max"]
    return NewFile(table.name, str(path), rows.num_rows, target.stat().st_size, load, version, low, high, part)


def write_files(folder: Path, table: LakeTable, parts: Sequence[tuple[pa.Table, Mapping[str, Any]]]) -> list[NewFile]:
    """One new file per part (its rows, and the values `fit` fills in), two at a time; none is left when one fails."""

    def written(part: tuple[pa.Table, Mapping[str, Any]]) -> NewFile:
        rows, filled = part
        return write_file(folder, table, fit(rows, table, filled), load=filled.get("load"))

    with ThreadPoolExecutor(_AT_ONCE, "limner-lake") as pool:
        waiting = [pool.submit(written, part) for part in parts]
        try:
            return [one.result() for one in waiting]
        except BaseException:
            for one in waiting:
                one.cancel()
            wait(waiting)
            for one in waiting:
                if not one.cancelled() and one.exception() is None:
                    (folder / one.result().path).unlink(missing_ok=True)
            raise


def _write_rows(table: LakeTable, rows: pa.Table, target: Path) -> None:
    """Sorted rows as Parquet. Arrow does it in half the processor time of the engine, which others ask meanwhile.

    A column without a value is left out: files are read together by the names of their columns.
    """
    found = ordered(table, rows, _UNLIKE)
    if rows.num_rows:
        found = found.select([name for name in rows.column_names if rows[name].null_count < rows.num_rows])
    pq.write_table(found, target, row_group_size=122_880, **parquet_options(found.column_names))


def parquet_options(names: Sequence[str]) -> dict[str, Any]:
    """How files with these columns are written."""
    return {
        "compression": _COMPRESSION,
        "use_dictionary": [name for name in names if name not in _UNLIKE],
        "write_statistics": [name for name in names if name in _SOUGHT],
        "store_decimal_as_integer": True,
        "store_schema": False,
        "column_encoding": dict.fromkeys(("seq", "place"), "DELTA_BINARY_PACKED") if "is_used" in names else None,
    }


def fit(rows: pa.Table, table: LakeTable, filled: Mapping[str, Any]) -> pa.Table:
    """The rows with exactly the table's columns and types, in order; unknown columns are an error.

    `filled` columns are those of a table, or one value for all rows. Texts may be codes.
    """
    for name in rows.column_names:
        if name not in table.columns:
            raise NotFound(MISSING_COLUMN, near=near(name, table.columns), table=table.name, column=name)
    schema = arrow_schema(table)
    columns = []
    for field in schema:
        if field.name in filled:
            columns.append(_filled(filled[field.name], field.type, rows.num_rows))
        elif field.name in rows.column_names:
            columns.append(_fitted(rows[field.name], field.type))
        else:
            columns.append(pa.nulls(rows.num_rows, field.type))
    return pa.table(columns, names=schema.names)


def _filled(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    if value is None:
        return pa.nulls(count, kind)
    if isinstance(value, pa.Array):
        return value.cast(kind)
    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), count), pa.array([value]))
    return pa.repeat(pa.scalar(value, kind), count)


def _fitted(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column with its table's type; codes of texts stay codes."""
    is_coded = pa.types.is_dictionary(column.type) and column.type.value_type == kind
    return column if is_coded else column.cast(kind)


def sync(path: Path) -> None:
    """Wait until a file and its folder are on the disk."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def said(place: Path) -> Iterator[None]:
    """What the engine or the disk refuses, in our words."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise Full(NO_ROOM, place=place, why=str(error).splitlines()[0]) from error
    except duckdb.IOException as error:
        if "No space" in str(error) or "disk" in str(error).lower():
            raise Full(NO_ROOM, place=place, why=str(error).splitlines()[0]) from error
        raise Broken(NOT_ANSWERED, why=str(error)) from error
    except OSError as error:
        if error.errno == 28:
            raise Full(NO_ROOM, place=place, why=error.strerror) from error
        raise
    except duckdb.Error as error:
        raise Broken(NOT_ANSWERED, why=str(error)) from error
