"""The catalog of the lake: which files make a table at a moment. It lies in the ledger; its commit is the only one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, or_, select, update

from limner.store.ledger import Ledger
from limner.store.ledger.erasures import Masked, masked_now
from limner.store.ledger.tables import batches, files, loads

CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A written and synced file that is not yet in the catalog."""

    table_name: str
    path: str
    rows: int
    size: int
    load: int | None = None
    version: str = ""
    min_happened_at: datetime | None = None
    max_happened_at: datetime | None = None
    part: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of every table at one catalog sequence: (table, view version) → paths; and whom reads leave out."""

    seq: int
    paths: Mapping[tuple[str, str], tuple[str, ...]]
    masked: Masked = field(default_factory=Masked)

    def of(self, table: str, version: str = "") -> tuple[str, ...]:
        """The paths of a table, in the order they were written."""
        return self.paths.get((table, version), ())

    def has(self, table: str) -> bool:
        """Whether there is any file of a table, whatever its version."""
        return any(name == table for name, _ in self.paths)


@dataclass(frozen=True, slots=True)
class Sight:
    """Which loads are looked at: those live, with some that are hidden, without some that are not; or `only` some."""

    shown: frozenset[int] = frozenset()
    without: frozenset[int] = frozenset()
    only: frozenset[int] = frozenset()

    def where(self) -> list[ColumnElement[bool]]:
        """What holds of the files in sight."""
        row = files.c
        found: list[ColumnElement[bool]] = [row.seq_out.is_(None)]
        if self.only:
            return [*found, row.load.in_(self.only)]
        hidden = row.load.in_(hidden_loads())
        is_shown = or_(~hidden, row.load.in_(self.shown)) if self.shown else ~hidden
        found.append(or_(row.load.is_(None), is_shown))
        if self.without:
            found.append(or_(row.load.is_(None), row.load.not_in(self.without)))
        return found


LIVE = Sight()


def hidden_loads() -> Select[Any]:
    """The loads that no reader sees: being judged, held, or dropped after that."""
    return select(loads.c.load).where(loads.c.is_hidden.is_(True))


class Catalog:
    """Reads and changes the list of files. Every change happens inside a transaction of the caller."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._last: dict[Sight, Snapshot] = {}

    def seq(self) -> int:
        """The newest catalog sequence."""
        with self._ledger.read() as connection:
            return self._ledger.peek(connection, CATALOG) - 1

    def snapshot(self, sight: Sight = LIVE) -> Snapshot:
        """The files in sight now; cached until the catalog moves."""
        with self._ledger.read() as connection:
            seq = self._ledger.peek(connection, CATALOG) - 1
            last = self._last.get(sight)
            if last is not None and last.seq == seq:
                return last
            rows = connection.execute(
                select(files.c.table_name, files.c.version, files.c.path)
                .where(*sight.where())
                .order_by(files.c.file_id)
            ).all()
            masked = masked_now(connection)
        paths: dict[tuple[str, str], list[str]] = {}
        for table, version, path in rows:
            paths.setdefault((table, version), []).append(path)
        found = Snapshot(seq, {key: tuple(names) for key, names in paths.items()}, masked)
        self._last = {known: kept for known, kept in self._last.items() if kept.seq == seq} | {sight: found}
        return found

    def rows(self, table: str, sight: Sight = LIVE) -> int:
        """How many rows the files of a table in sight have."""
        total = select(func.coalesce(func.sum(files.c.rows), 0)).where(files.c.table_name == table, *sight.where())
        with self._ledger.read() as connection:
            return int(connection.execute(total).scalar_one())

    def has_moved(self, seq: int, tables: Collection[str]) -> bool:
        """Whether files of these tables have come into the catalog or gone from it since it stood at `seq`."""
        since = or_(files.c.seq_in > seq, files.c.seq_out > seq)
        with self._ledger.read() as connection:
            found = connection.execute(select(files.c.file_id).where(files.c.table_name.in_(tables), since).limit(1))
            return found.first() is not None

    def all_files(self) -> Snapshot:
        """Every file that is not dropped, those of hidden loads included: what an erasure has to look through."""
        return self.snapshot(self.everything())

    def everything(self) -> Sight:
        """The sight of those who must not overlook what hidden loads brought."""
        return Sight(shown=self._hidden())

    def _hidden(self) -> frozenset[int]:
        with self._ledger.read() as connection:
            return frozenset(row[0] for row in connection.execute(hidden_loads()))

    def show(self, connection: Connection, shown: Collection[int]) -> None:
        """Let the files of hidden loads be seen, all at once."""
        self._ledger.take(connection, CATALOG)
        connection.execute(update(loads).where(loads.c.load.in_(shown)).values(is_hidden=False))

    def hide(self, connection: Connection, hidden: Collection[int]) -> None:
        """Take loads out of every reader's sight, all at once; their files stay."""
        self._ledger.take(connection, CATALOG)
        connection.execute(update(loads).where(loads.c.load.in_(hidden)).values(is_hidden=True))

    def part_with(self, connection: Connection, load: int, tables: Collection[str], now: datetime) -> None:
        """Take the files of some tables of a load out of the catalog; its batches stand as written."""
        live = (files.c.load == load, files.c.seq_out.is_(None), files.c.table_name.in_(tables))
        seq = self._ledger.take(connection, CATALOG)
        connection.execute(update(files).where(*live).values(seq_out=seq, dropped_at=now))

    def has_batch(self, table: str, batch_id: str) -> bool:
        """Whether a batch has been written."""
        with self._ledger.read() as connection:
            return self._has_batch(connection, table, batch_id)

    def _has_batch(self, connection: Connection, table: str, batch_id: str) -> bool:
        found = select(batches.c.rows).where(batches.c.table_name == table, batches.c.batch_id == batch_id)
        return connection.execute(found).first() is not None

    def add(self, connection: Connection, batch_id: str, new: Sequence[NewFile]) -> bool:
        """Enter the files of one batch; False (and nothing done) when the batch stands there already."""
        table = new[0].table_name
        if self._has_batch(connection, table, batch_id):
            return False
        self._enter(connection, batch_id, new)
        total = sum(file.rows for file in new)
        connection.execute(insert(batches).values(table_name=table, batch_id=batch_id, rows=total))
        return True

    def add_version(
        self,
        connection: Connection,
        view: str,
        version: str,
        new: Sequence[NewFile],
        *,
        base: str = "",
        changed: Collection[str] = (),
    ) -> bool:
        """Enter a version of a view: its new files, and those of `base` whose parts have not changed.

        False (and nothing done) when the version stands there already.
        """
        if self._has_batch(connection, view, f"view:{version}"):
            return False
        kept = self.parts(connection, view, base, without=changed) if base else []
        self._enter(connection, f"view:{version}", [*kept, *(replace(file, version=version) for file in new)], version)
        total = sum(file.rows for file in (*kept, *new))
        connection.execute(insert(batches).values(table_name=view, batch_id=f"view:{version}", rows=total))
        return True

    def versions(self, view: str) -> tuple[str, ...]:
        """The versions of a view that stand, in the order of their names."""
        mark = "view:"
        question = select(batches.c.batch_id).where(batches.c.table_name == view).order_by(batches.c.batch_id)
        with self._ledger.read() as connection:
            return tuple(name.removeprefix(mark) for name in connection.execute(question).scalars())

    def parts(
        self,
        connection: Connection,
        view: str,
        version: str,
        *,
        among: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> list[NewFile]:
        """The files of a version of a view, by part: all of them, or `among` some, `without` others."""
        row = files.c
        question = (
            select(row.path, row.rows, row.bytes, row.part)
            .where(row.table_name == view, row.version == version, row.seq_out.is_(None))
            .order_by(row.file_id)
        )
        return [
            NewFile(view, path, rows, size, version=version, part=part)
            for path, rows, size, part in connection.execute(question)
            if part not in without and (among is None or part in among)
        ]

    def _enter(self, connection: Connection, batch_id: str, new: Sequence[NewFile], version: str | None = None) -> None:
        seq = self._ledger.take(connection, CATALOG)
        first = self._ledger.take(connection, "file", len(new)) if new else 0
        entries = [
            {
                "file_id": first + offset, "table_name": file.table_name, "path": file.path, "batch_id": batch_id,
                "load": file.load, "version": version or file.version, "rows": file.rows, "bytes": file.size,
                "min_happened_at": file.min_happened_at, "max_happened_at": file.max_happened_at, "seq_in": seq,
                "part": file.part,
            }
            for offset, file in enumerate(new)
        ]  # fmt: skip
        if entries:
            connection.execute(insert(files), entries)

    def withdraw(self, connection: Connection, load: int, now: datetime) -> int:
        """Take the files of a load out of every later snapshot; the number of rows that went.

        Traces and mints stay: numbers once given stay used up.
        """
        live = (files.c.load == load, files.c.seq_out.is_(None), files.c.table_name.not_in(("traces", "mints")))
        rows = connection.execute(select(func.coalesce(func.sum(files.c.rows), 0)).where(*live)).scalar_one()
        seq = self._ledger.take(connection, CATALOG)
        connection.execute(update(files).where(*live).values(seq_out=seq, dropped_at=now))
        kept = select(files.c.batch_id).where(files.c.load == load, files.c.seq_out == seq)
        connection.execute(
            delete(batches).where(batches.c.batch_id.in_(kept), batches.c.table_name.not_in(("traces", "mints")))
        )
        return int(rows)

    def drop_version(self, connection: Connection, view: str, version: str, now: datetime) -> None:
        """Take a version of a view out of later snapshots."""
        seq = self._ledger.take(connection, CATALOG)
        connection.execute(
            update(files)
            .where(files.c.table_name == view, files.c.version == version, files.c.seq_out.is_(None))
            .values(seq_out=seq, dropped_at=now)
        )
        connection.execute(delete(batches).where(batches.c.table_name == view, batches.c.batch_id == f"view:{version}"))

    def swap(self, connection: Connection, old: str, new: NewFile | None, now: datetime) -> None:
        """Put a rewritten file in the place of an old one, in every version of a view (None: nothing is left)."""
        here = (files.c.path == old, files.c.seq_out.is_(None))
        rows = connection.execute(select(files).where(*here)).mappings().all()
        seq = self._ledger.take(connection, CATALOG)
        connection.execute(update(files).where(*here).values(seq_out=seq, dropped_at=now))
        if new is None or not rows:
            return
        first = self._ledger.take(connection, "file", len(rows))
        fresh = {"path": new.path, "rows": new.rows, "bytes": new.size, "seq_in": seq, "seq_out": None}
        fresh |= {"min_happened_at": new.min_happened_at, "max_happened_at": new.max_happened_at, "dropped_at": None}
        connection.execute(insert(files), [{**row, **fresh, "file_id": first + at} for at, row in enumerate(rows)])

    def entry(self, path: str) -> NewFile:
        """A file that is in the lake now, as it was entered."""
        with self._ledger.read() as connection:
            wanted = select(files).where(files.c.path == path, files.c.seq_out.is_(None))
            row = connection.execute(wanted).mappings().one()
        return NewFile(
            row["table_name"], path, row["rows"], row["bytes"], row["load"], row["version"], row["min_happened_at"],
            row["max_happened_at"],
        )  # fmt: skip

    def listed(self, tables: Collection[str]) -> list[NewFile]:
        """The files of some tables that are in sight, those beside files read where they lie among them, in the order
        they were entered."""
        row = files.c
        wanted = select(files).where(*LIVE.where(), row.table_name.in_(tables)).order_by(row.file_id)
        with self._ledger.read() as connection:
            return [
                NewFile(
                    found["table_name"], found["path"], found["rows"], found["bytes"], found["load"], found["version"],
                    found["min_happened_at"], found["max_happened_at"],
                )
                for found in connection.execute(wanted).mappings()
            ]  # fmt: skip

    def dropped(self) -> list[tuple[str, str]]:
        """Table and path of every file that has been taken out of the lake and not been swept yet."""
        here = select(files.c.path).where(files.c.seq_out.is_(None))
        gone = select(files.c.table_name, files.c.path).where(files.c.seq_out.is_not(None), files.c.path.not_in(here))
        with self._ledger.read() as connection:
            return [(table, path) for table, path in connection.execute(gone.distinct())]

    def forget(self, connection: Connection, paths: Sequence[str]) -> None:
        """Strike files that have been deleted from the list."""
        connection.execute(delete(files).where(files.c.seq_out.is_not(None), files.c.path.in_(list(paths))))

    def sweep(self, folder: Path, before: datetime) -> int:
        """Delete files dropped before an instant, and forget them; the number deleted."""
        with self._ledger.write() as connection:
            gone = files.c.dropped_at < before
            paths = set(connection.execute(select(files.c.path).where(gone)).scalars())
            connection.execute(delete(files).where(gone))
            paths -= set(connection.execute(select(files.c.path).where(files.c.version != "")).scalars())
        for path in paths:
            (folder / path).unlink(missing_ok=True)
        return len(paths)
