"""Opening the ledger, its transactions, counters and leases."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, delete, event, func, insert, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from limner.core.errors import Broken, Busy, Full, words
from limner.store.ledger import tables
from limner.store.ledger.migrate import migrate
from limner.store.ledger.rewriting import rewrite

LOCKED = words(
    "ledger_locked",
    "The ledger {place} is being written by another process for longer than {seconds} s. "
    "Wait for it to finish, then run this again.",
)
UNREADABLE = words("ledger_unreadable", "The ledger {place} cannot be used: {why}. Restore it from a backup.")
DISK_FULL = words("disk_full", "There is no room left on the disk of {place}. Free some space, then run this again.")
HELD = words(
    "lease_held",
    "{words} is already running in this workspace (process {pid} on {host}). "
    "Wait for it to finish, or stop that process, then run this again.",
)

_WAIT_SECONDS = 60
_LEASE_LIFE = timedelta(minutes=2)
_LEAST_ROOM = 1 << 20
_WRITERS = 0x4C494D4E
"""The advisory lock that PostgreSQL's writers take."""


class Ledger:
    """A ledger opened at a URL. Readers never wait; one writer at a time, others wait their turn.

    Use `with ledger.read() as connection` for questions and `with ledger.write() as connection` for one transaction.
    A write that raises leaves nothing behind.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.place = url.removeprefix("sqlite:///")
        self._engine = _engine(url)
        self._writing = threading.RLock()
        with _said(self.place):
            migrate(self._engine)

    @classmethod
    def at(cls, path: Path) -> Ledger:
        """The ledger in a SQLite file, made if it is not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{path}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one snapshot."""
        with _said(self.place), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; the lock is taken at once, so that it cannot fail half-way."""
        with self._writing, _said(self.place), self._engine.connect() as connection:
            writer = connection.execution_options(limner_write=True)
            with writer.begin():
                yield writer

    def take(self, connection: Connection, counter: str, count: int = 1) -> int:
        """Take `count` numbers from a counter inside a write; the first of them. Counters start at 1."""
        row = tables.counters
        found = connection.execute(select(row.c.upcoming).where(row.c.name == counter)).scalar()
        if found is None:
            connection.execute(insert(row).values(name=counter, upcoming=1 + count))
            return 1
        connection.execute(update(row).where(row.c.name == counter).values(upcoming=found + count))
        return int(found)

    def peek(self, connection: Connection, counter: str) -> int:
        """The number a counter would give next."""
        row = tables.counters
        return int(connection.execute(select(row.c.upcoming).where(row.c.name == counter)).scalar() or 1)

    def settle(self, *, is_whole: bool = False) -> bool:
        """Leave nothing of deleted rows in the files: empty the log, with `is_whole` write the ledger anew.

        Whether the log is empty now; a reader that is still open keeps it. On PostgreSQL every table with rows of
        persons is written anew when it is not large (with `is_whole` however large), and vacuumed otherwise; its log of
        writes, and its copies, are the operator's.
        """
        with _said(self.place), self._engine.connect() as connection:
            plain = connection.execution_options(isolation_level="AUTOCOMMIT")
            if plain.dialect.name != "sqlite":
                rewrite(plain, is_whole=is_whole)
                return True
            raw = plain.connection.driver_connection
            if raw is None:
                return False
            if is_whole:
                raw.execute("VACUUM")
            busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    @contextmanager
    def lease(self, role: str, now: datetime, doing: str) -> Iterator[int]:
        """Hold a role (there is one keeper) while the block runs; the fencing number.

        Re-entrant within one process. A lease whose process has died is taken over.
        """
        with self.write() as connection:
            fence, is_ours = self._take_lease(connection, role, now, doing)
        try:
            yield fence
        finally:
            if not is_ours:
                row = tables.leases
                with self.write() as connection:
                    connection.execute(delete(row).where(row.c.role == role, row.c.fence == fence))

    def _take_lease(self, connection: Connection, role: str, now: datetime, doing: str) -> tuple[int, bool]:
        row = tables.leases
        held = connection.execute(select(row).where(row.c.role == role)).mappings().first()
        if held is not None:
            if held["pid"] == os.getpid() and held["host"] == socket.gethostname():
                return int(held["fence"]), True
            if _is_alive(held, now):
                raise Busy(HELD, words=held["words"], pid=held["pid"], host=held["host"])
            connection.execute(delete(row).where(row.c.role == role))
        fence = self.take(connection, "fence")
        connection.execute(
            insert(row).values(
                role=role, host=socket.gethostname(), pid=os.getpid(), words=doing, fence=fence, beat_at=now
            )
        )
        return fence, False

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def _is_alive(held: Any, now: datetime) -> bool:
    if held["host"] != socket.gethostname():
        return bool(now - held["beat_at"] < _LEASE_LIFE)
    try:
        os.kill(held["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _said(place: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as error:
        why = str(error.orig)
        if "locked" in why or "busy" in why or "lock timeout" in why:
            raise Busy(LOCKED, place=place, seconds=_WAIT_SECONDS) from error
        if "full" in why or ("I/O" in why and _has_no_room(place)):
            raise Full(DISK_FULL, place=place) from error
        raise Broken(UNREADABLE, place=place, why=why) from error


def _has_no_room(place: str) -> bool:
    """Whether the disk is full, which SQLite may call an I/O error."""
    try:
        return shutil.disk_usage(Path(place).parent).free < _LEAST_ROOM
    except OSError:
        return False


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_settings)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        event.listen(engine, "begin", _postgresql_begin)
    return engine


def _sqlite_settings(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        f"busy_timeout = {_WAIT_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "cache_size = -65536",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    is_write = connection.get_execution_options().get("limner_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def _postgresql_begin(connection: Connection) -> None:
    """Readers see one snapshot and never wait; writers take turns, so that what they read stays true until they end."""
    if connection.get_execution_options().get("limner_write", False):
        connection.execute(select(func.set_config("lock_timeout", f"{_WAIT_SECONDS}s", True)))  # noqa: FBT003
        connection.execute(select(func.pg_advisory_xact_lock(_WRITERS)))
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
