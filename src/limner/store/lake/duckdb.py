"""DuckDB over the lake's Parquet files: the engine of one machine."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection
from sqlglot import exp

from limner.core.errors import Broken, NotFound, near, words
from limner.core.settings import LimitSettings
from limner.core.tell import Tell, silent
from limner.store.lake import parted
from limner.store.lake.among import Ints, rows_among
from limner.store.lake.beside import is_side
from limner.store.lake.catalog import LIVE, Catalog, NewFile, Sight, Snapshot
from limner.store.lake.dialects import write
from limner.store.lake.erasing import Hit, blanked, counts, find, keys_of, remove, rewritten, strays
from limner.store.lake.in_place import InPlace
from limner.store.lake.leaving import erase_side
from limner.store.lake.lying import checked, one_by_one, reading, stretches
from limner.store.lake.some import Some
from limner.store.lake.tables import EVENTS, IN_PLACE, TABLES, LakeTable
from limner.store.lake.writing import arrow_schema, fit, said, write_file, write_files
from limner.store.ledger import Ledger
from limner.store.ledger.erasures import Masked

UNKNOWN_TABLE = words("lake_table_unknown", "The lake has no table {name!r}.")
GONE = words("lake_file_gone", "The lake's file {path} is missing. Restore it from a backup, or withdraw its load.")

_SETTINGS = (
    "TimeZone = 'UTC'",
    "enable_external_file_cache = false",  # a file read in place may be written anew; the system keeps local files
    "parquet_metadata_cache = true",
    "enable_progress_bar = false",
    "preserve_insertion_order = true",
)


class DuckLake:
    """The lake on one machine. One connection, one cursor per question; files are named in the ledger's catalog.

    `properties` are the declared event properties (id, type): each is a typed column `p_<id>` of events.
    """

    name = "duckdb"

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        *,
        limits: LimitSettings,
        properties: Collection[tuple[str, str]] = (),
        zone: tzinfo = UTC,
    ) -> None:
        self.folder = folder
        self.ledger = ledger
        self.limits = limits
        self.catalog = Catalog(ledger)
        self._zone = zone
        self._properties = tuple(properties)
        self._tables = dict(TABLES) | _with_properties(properties)
        self._mounted: dict[tuple[str, str, int, Sight, frozenset[int]], str] = {}
        self._lying: dict[str, tuple[InPlace, ...]] = {}
        self._sight = LIVE
        self._passed: frozenset[int] = frozenset()
        self._mounting = threading.Lock()
        for part in ("empty", "scratch"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(config=_config(folder, limits))
        for setting in _SETTINGS:
            self._connection.execute(f"SET {setting}")

    def declare(self, properties: Collection[tuple[str, str]]) -> None:
        """Take new declared properties into account; files already written answer null for them."""
        if tuple(properties) != self._properties:
            self._properties = tuple(properties)
            self._tables |= _with_properties(properties)
            self._mounted.clear()
            self._lying.clear()

    def tables(self) -> Mapping[str, LakeTable]:
        """The tables and their columns, declared properties included."""
        return dict(self._tables)

    @property
    def sides(self) -> LakeTable:
        """What stands beside a file that is read where it lies."""
        return IN_PLACE.with_properties(self._properties)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor of its own for work inside `store` and `sources` (an open reader blocks its cursor)."""
        return self._connection.cursor()

    def seeing(self, sight: Sight) -> DuckLake:
        """The same lake as seen with some hidden loads, or without some that are live; writing is the same."""
        other = copy.copy(self)
        other._sight = sight
        return other

    def passing(self, loads: Collection[int]) -> DuckLake:
        """The same lake without what some loads read where it lies: files that changed and are to be replaced."""
        other = copy.copy(self)
        other._passed = frozenset(loads)
        return other

    # asking

    def query(
        self,
        sql: exp.Query,
        *,
        given: Mapping[str, pa.Table] | None = None,
        versions: Mapping[str, str] | None = None,
        among: Mapping[str, Sequence[str] | Some] | None = None,
    ) -> pa.RecordBatchReader:
        """The answer of a query as a stream; tables are read as the catalog names them at this moment. Of the tables in
        `among` only those files, or some rows, are read."""
        text, cursor = self._prepare(sql, given or {}, versions or {}, among or {})
        with said(self.folder):
            return cursor.sql(text).to_arrow_reader(131_072)

    def table(
        self,
        sql: exp.Query,
        *,
        given: Mapping[str, pa.Table] | None = None,
        versions: Mapping[str, str] | None = None,
        among: Mapping[str, Sequence[str] | Some] | None = None,
    ) -> pa.Table:
        """The whole answer of a query, in memory. Of the tables in `among` only those files, or some rows, are read."""
        text, cursor = self._prepare(sql, given or {}, versions or {}, among or {})
        with said(self.folder):
            return cursor.sql(text).to_arrow_table()

    def snapshot(self) -> Snapshot:
        """The files of every table that are in sight now."""
        return self.catalog.snapshot(self._sight)

    def paths(self, table: str) -> tuple[str, ...]:
        """The files of a table that are in sight now; of events also those beside files read where they lie."""
        snapshot = self.snapshot()
        lying = stretches(snapshot, self.ledger, self._passed) if table == EVENTS.name else []
        return (*snapshot.of(table), *(path for one in lying for path in one.sides))

    def rows(self, table: str) -> int:
        """How many rows the files of a table have that are in sight now."""
        return self.catalog.rows(table, self._sight)

    def among(
        self, table: str, keys: Sequence[str], wanted: Ints, *, columns: Sequence[str] = (), version: str | None = None
    ) -> pa.Table:
        """The rows of a table with one of the sorted numbers `wanted` in one of the columns `keys`, without a query:
        what costs least when few rows are wanted. `columns`: all, or those wanted."""
        declared = self.declared(table)
        named = (version if version is not None else self._current(table)) if declared.is_view else ""
        chosen, seen = columns or list(declared.columns), self.catalog.snapshot(self._sight)
        return rows_among(self.folder, declared, seen, keys, wanted, columns=chosen, version=named)

    def _prepare(
        self,
        sql: exp.Query,
        given: Mapping[str, pa.Table],
        versions: Mapping[str, str],
        among: Mapping[str, Sequence[str] | Some] | None = None,
    ) -> tuple[str, duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        names = {}
        for name, rows in given.items():
            names[name] = f"given_{uuid.uuid4().hex}"
            cursor.register(names[name], rows)
        snapshot = self.snapshot()
        for name, some in (among or {}).items():
            names[name] = self._some(name, some if isinstance(some, Some) else Some(some), versions, snapshot)
        with_names = {cte.alias for cte in sql.find_all(exp.CTE)}
        bound = sql.copy()
        for node in list(bound.find_all(exp.Table)):
            name = node.name
            if not name or (name in with_names and name not in names):
                continue
            alias = node.alias or name
            target = names.get(name) or self._mount(name, versions.get(name), snapshot)
            node.set("this", exp.to_identifier(target))
            if not node.alias:
                node.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
        return write(bound, "duckdb", is_given=True), cursor

    def _mount(self, name: str, version: str | None, snapshot: Snapshot) -> str:
        table = self._tables.get(name)
        if table is None:
            raise NotFound(UNKNOWN_TABLE, near=near(name, self._tables), name=name)
        wanted = (version if version is not None else self._current(name)) if table.is_view else ""
        key = (name, wanted, snapshot.seq, self._sight, self._passed)
        with self._mounting:
            if key not in self._mounted:
                found = stretches(snapshot, self.ledger, self._passed) if name == EVENTS.name else []
                files = checked(found, self.folder)
                more = reading(found, table, self.folder, self.empty(self.sides))
                self._mounted[key] = self._make_view(table, snapshot.of(name, wanted), snapshot, more)
                self._lying[self._mounted[key]] = files
            mounted = self._mounted[key]
        for file in self._lying.get(mounted, ()):
            file.check(self.folder)
        return mounted

    def _some(self, name: str, some: Some, versions: Mapping[str, str], snapshot: Snapshot) -> str:
        """A view of some rows of a table."""
        table = self.declared(name)
        wanted = (versions.get(name) or self._current(name)) if table.is_view else ""
        paths = some.paths if some.paths is not None else self.paths(name) if not wanted else snapshot.of(name, wanted)
        return self._make_view(table, paths, snapshot, self._some_lying(paths, snapshot), some)

    def _make_view(
        self,
        table: LakeTable,
        paths: Iterable[str],
        snapshot: Snapshot,
        more: exp.Query | None = None,
        some: Some | None = None,
    ) -> str:
        """A view of files of a table, with `more` rows; side files among the paths are left to `more`."""
        mounted = f"{table.name}_{uuid.uuid4().hex}"
        found = [str(self.empty(table)), *(str(self.folder / path) for path in paths if not is_side(path))]
        for path in found:
            if not Path(path).exists():
                raise Broken(GONE, path=path)
        columns = [duckdb.ColumnExpression(column) for column in table.columns]
        cursor = self._connection.cursor()
        with said(self.folder):
            rows = cursor.read_parquet(found, union_by_name=True).select(*columns)
            if more is not None:
                rows = rows.union(cursor.sql(write(more, "duckdb")))
            for test in (*_unmasked(table, snapshot.masked), *(some.tests() if some is not None else ())):
                rows = rows.filter(test)
            rows.create_view(mounted)
        return mounted

    def _some_lying(self, paths: Sequence[str], snapshot: Snapshot) -> exp.Query | None:
        """What the side files among some paths speak of; None without any."""
        wanted = frozenset(path for path in paths if is_side(path))
        found = [one for one in stretches(snapshot, self.ledger) if wanted.intersection(one.sides)] if wanted else []
        checked(found, self.folder)
        sides = [(one, self.catalog.entry(path)) for one in found for path in one.sides if path in wanted]
        return one_by_one(sides, self._tables[EVENTS.name], self.folder, self.empty(self.sides))

    def empty(self, table: LakeTable) -> Path:
        """A file of a table without rows: it has every column, so that files may lack some."""
        schema = arrow_schema(table)
        mark = uuid.uuid5(uuid.NAMESPACE_OID, str(schema)).hex[:12]
        path = self.folder / "empty" / f"{table.name}-{mark}.parquet"
        if not path.exists():
            fresh = path.with_suffix(f".{uuid.uuid4().hex}")
            pq.write_table(schema.empty_table(), fresh)
            fresh.replace(path)
        return path

    def _current(self, view: str) -> str:
        from limner.store.ledger.views import current

        found = current(self.ledger, f"lake:{view}")
        return found.version if found is not None else ""

    def file(self, table: str, path: str) -> pa.Table | None:
        """The rows of one file of a table, a dropped one too while it is there; None when it has gone."""
        declared = self.declared(table)
        with said(self.folder):
            try:
                rows = pq.read_table(self.folder / path, partitioning=None)
            except FileNotFoundError:
                return None
        return fit(rows, declared, {})

    # writing

    def append(
        self,
        table: str,
        batch_id: str,
        rows: pa.Table | exp.Query | duckdb.DuckDBPyRelation,
        *,
        load: int | None = None,
    ) -> int:
        """Add rows once. `seq` and `load` are filled in here; other columns the rows lack are null.

        Files are written and synced first; their entry in the catalog is the commit. A repeated batch changes nothing
        and answers 0.
        """
        if self.catalog.has_batch(table, batch_id):
            return 0
        declared = self.declared(table)
        arrow = rows if isinstance(rows, pa.Table) else self._collected(rows)
        if arrow.num_rows == 0:
            return 0
        with self.ledger.write() as connection:
            first = self.ledger.take(connection, "seq", arrow.num_rows)
        whole = fit(arrow, declared, {"seq": _range(first, arrow.num_rows), "load": load})
        new = write_file(self.folder, declared, whole, load=load)
        with self.ledger.write() as connection:
            is_new = self.catalog.add(connection, batch_id, [new])
        if not is_new:
            (self.folder / new.path).unlink(missing_ok=True)
        return arrow.num_rows if is_new else 0

    def append_many(
        self,
        table: str,
        parts: Sequence[tuple[str, pa.Table, int | None]],
        *,
        filled: Mapping[str, object] | None = None,
    ) -> int:
        """`append` of several batches, each (batch id, rows, load), under one commit; the number of rows written.

        `filled` columns have one value in all rows.

        Each batch is a file of its own, so that its load can be withdrawn; batches that stand there already are left.
        """
        ready = self.prepare(table, parts, filled=filled)
        if not ready:
            return 0
        with self.ledger.write() as connection:
            taken = self.enter(connection, ready)
        for (_, file), is_new in zip(ready, taken, strict=True):
            if not is_new:
                (self.folder / file.path).unlink(missing_ok=True)
        return sum(file.rows for (_, file), is_new in zip(ready, taken, strict=True) if is_new)

    def prepare(
        self,
        table: str,
        parts: Sequence[tuple[str, pa.Table, int | None]],
        *,
        filled: Mapping[str, object] | None = None,
    ) -> list[tuple[str, NewFile]]:
        """Batches written and synced that are not in the catalog yet: a transaction of the caller enters them."""
        declared = self.declared(table)
        fresh = [part for part in parts if part[1].num_rows and not self.catalog.has_batch(table, part[0])]
        if not fresh:
            return []
        total = sum(rows.num_rows for _, rows, _ in fresh)
        with self.ledger.write() as connection:
            first = self.ledger.take(connection, "seq", total)
        jobs = []
        for _, rows, load in fresh:
            jobs.append((rows, {**(filled or {}), "seq": _range(first, rows.num_rows), "load": load}))
            first += rows.num_rows
        new = write_files(self.folder, declared, jobs)
        return [(part[0], file) for part, file in zip(fresh, new, strict=True)]

    def enter(self, connection: Connection, ready: Sequence[tuple[str, NewFile]]) -> list[bool]:
        """Enter prepared batches into the catalog: whether each is new there."""
        return [self.catalog.add(connection, batch, [file]) for batch, file in ready]

    def publish(self, view: str, version: str, rows: pa.Table | exp.Query, *, now: datetime | None = None) -> int:
        """Write a version of a view; readers see it when the caller moves the pointer (`ledger.views.publish`).

        A version already there is kept as it is: a published version never changes.
        """
        return parted.publish(self, view, version, rows if isinstance(rows, pa.Table) else self._collected(rows))

    def drop(self, view: str, version: str, *, now: datetime | None = None) -> None:
        """Forget a version of a view; its file goes with the next sweep."""
        with self.ledger.write() as connection:
            self.catalog.drop_version(connection, view, version, now or datetime(1970, 1, 1, tzinfo=UTC))

    def withdraw(self, load: int, now: datetime) -> int:
        """Take the rows of a load out of every later view; the number of rows."""
        with self.ledger.write() as connection:
            return self.catalog.withdraw(connection, load, now)

    def hits(self, masked: Masked) -> tuple[Hit, ...]:
        """The files that hold rows of a person: live ones, dropped ones, and those no list names."""
        snapshot = self.catalog.all_files()
        paths = {path: table for (table, _), found in snapshot.paths.items() for path in found}
        live = [(table, path, True) for path, table in paths.items()]
        gone = [(table, path, False) for table, path in self.catalog.dropped()]
        lost = [(t, p, False) for t, p in strays(self.folder, (path for _, path, _ in (*live, *gone)))]
        return tuple(find(self.folder, [*live, *gone, *lost], masked))

    def erase(self, masked: Masked, *, tell: Tell = silent) -> Mapping[str, int]:
        """Rewrite every file that holds rows of a person without them, and delete the old files at once.

        Files that are not read any more are deleted whole. The rows that went, by table. Only the keeper may, and it
        may again at any instant: what is done is found no more.
        """
        found = self.hits(masked)
        zone = self._zone
        with ThreadPoolExecutor(2, "limner-erase") as pool:
            work = [pool.submit(self._erase, hit, masked, zone) for hit in found]
            for done, one in enumerate(work, 1):
                one.result()
                tell(done, len(work), "files")
        return counts(found)

    def blank(self, table: str, column: str, texts: Collection[str]) -> int:
        """Empty a column where it holds one of these texts, in files rewritten for it; how many rows."""
        if not texts:
            return 0
        total = 0
        for path in self.catalog.all_files().of(table):
            done = blanked(self.folder, self.declared(table), path, column, texts)
            if done is None:
                continue
            new, count = done
            with self.ledger.write() as connection:
                self.catalog.swap(connection, path, new, datetime(1970, 1, 1, tzinfo=UTC))
            self._remove(path)
            total += count
        return total

    def _erase(self, hit: Hit, masked: Masked, zone: tzinfo) -> None:
        if hit.is_live and is_side(hit.path):
            erase_side(self, hit, masked, zone)
        elif hit.is_live:
            new = rewritten(self.folder, self.declared(hit.table), hit, masked, zone)
            with self.ledger.write() as connection:
                self.catalog.swap(connection, hit.path, new, datetime(1970, 1, 1, tzinfo=UTC))
        self._remove(hit.path)

    def _remove(self, path: str) -> None:
        """Delete a file that has been taken out of the lake, and strike it from the list."""
        remove(self.folder, path)
        with self.ledger.write() as connection:
            self.catalog.forget(connection, [path])

    def close(self) -> None:
        """Close the connection and take the scratch files away."""
        self._connection.close()

    def declared(self, name: str) -> LakeTable:
        """A table as it is declared, with a column per declared property."""
        if name not in self._tables:
            raise NotFound(UNKNOWN_TABLE, near=near(name, self._tables), name=name)
        return self._tables[name]

    def _collected(self, rows: exp.Query | duckdb.DuckDBPyRelation) -> pa.Table:
        if isinstance(rows, exp.Query):
            return self.table(rows)
        with said(self.folder):
            return rows.to_arrow_table()


def _unmasked(table: LakeTable, masked: Masked) -> Iterator[duckdb.Expression]:
    """The conditions that leave out the rows of persons who are being erased."""
    traces, numbers = keys_of(table.columns)
    for names, values in ((traces, masked.traces), (numbers, masked.numbers)):
        for name in names if values else ():
            column = duckdb.ColumnExpression(name)
            yield column.isnull() | column.isnotin(*(duckdb.ConstantExpression(value) for value in values))


def _with_properties(properties: Collection[tuple[str, str]]) -> dict[str, LakeTable]:
    """The tables that have a column per declared property."""
    return {name: TABLES[name].with_properties(properties) for name in ("events", "spare_events")}


def _config(folder: Path, limits: LimitSettings) -> dict[str, Any]:
    config: dict[str, Any] = {
        "memory_limit": f"{limits.memory}MiB",
        "temp_directory": str(folder / "scratch"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if limits.threads:
        config["threads"] = limits.threads
    return config


def _range(first: int, count: int) -> pa.Array:
    import numpy as np

    return pa.array(np.arange(first, first + count, dtype=np.int64))
