"""The vault: raw addresses, each under a key of its own, in a file of its own.

An address is sealed with AES-256-GCM under a random key that is used once; that key is wrapped by the workspace's
vault key, the master. Destroying the wrapped key makes the address unreadable for good, in every copy of the file made
after it. A new master wraps the keys anew and leaves the sealed text as it is.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from limner.core.errors import Broken, Full, words
from limner.core.tell import Tell, silent
from limner.store.ledger.bulk import grouped
from limner.store.wrapping import KEY, NONCE, Master, sealed, unsealed

SEALED = words(
    "vault_sealed",
    "The vault {place} does not open with the key given. Check [keys] vault in limner.toml: it must be the key the "
    "vault was made with.",
)
VAULT_FULL = words("vault_unwritable", "The vault {place} cannot be written: {why}. Free some space, then run again.")
VAULT_BUSY = words(
    "vault_busy",
    "The vault {place} is read by another process, so that what was destroyed still stands in its log. "
    "Stop that process, then run this again.",
)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS addresses (
    trace INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, sealed_key BLOB, sealed BLOB,
    master INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID
"""
_MASTERS: Final = "CREATE TABLE IF NOT EXISTS masters (master INTEGER NOT NULL PRIMARY KEY, mark BLOB NOT NULL) STRICT"
_FILES: Final = """
CREATE TABLE IF NOT EXISTS files_key (
    place INTEGER NOT NULL PRIMARY KEY, sealed_key BLOB NOT NULL, master INTEGER NOT NULL
) STRICT
"""
_ADD_MASTER: Final = "ALTER TABLE addresses ADD COLUMN master INTEGER NOT NULL DEFAULT 1"
_AMONG: Final = """
SELECT trace, kind, sealed_key, sealed, master FROM addresses
WHERE trace IN (SELECT value FROM json_each(?)) AND sealed_key IS NOT NULL
"""
_BATCH: Final = 50_000
_RANDOM: Final = KEY + NONCE
"""Random bytes for one address."""


@dataclass(frozen=True, slots=True)
class Address:
    """A raw address on its way out. It has no text form."""

    kind: str
    raw: str

    def __repr__(self) -> str:
        return f"<Address {self.kind}>"


class Vault:
    """The one place with raw addresses: trace → address. `put` seals, `open` unseals, `destroy` forgets.

    `also` are further masters: while the keys are wrapped anew, rows lie under the old one and the new one.
    """

    def __init__(self, path: Path, key: bytes, also: Collection[bytes] = ()) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.place = path
        self._own = Master(key)
        self._given = {master.mark: master for master in (*map(Master, also), self._own)}
        self._lock = threading.Lock()
        self._opened_files_key: bytes | None = None
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_SCHEMA)
            connection.execute(_MASTERS)
            connection.execute(_FILES)
            columns = {row[1] for row in connection.execute("PRAGMA table_info(addresses)")}
            if "master" not in columns:
                connection.execute(_ADD_MASTER)
        path.chmod(0o600)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.place, timeout=60, isolation_level=None)
        try:
            connection.execute("PRAGMA secure_delete = ON")
            yield connection
        except sqlite3.OperationalError as error:
            raise Full(VAULT_FULL, place=self.place, why=str(error)) from error
        finally:
            connection.close()

    def _masters(self, connection: sqlite3.Connection) -> dict[int, Master]:
        """The masters whose keys are at hand, by the number their rows carry; in a vault that tells none apart ours."""
        rows = connection.execute("SELECT master, mark FROM masters").fetchall()
        return {number: self._given[mark] for number, mark in rows if mark in self._given} if rows else {1: self._own}

    def _own_number(self, connection: sqlite3.Connection) -> int:
        """The number of our master, inside a write. It is given to the key that opens what lies in the vault."""
        rows = dict(connection.execute("SELECT mark, master FROM masters").fetchall())
        if self._own.mark in rows:
            return int(rows[self._own.mark])
        if rows:
            raise Broken(SEALED, place=self.place)
        question = "SELECT trace, sealed_key, sealed FROM addresses WHERE sealed_key IS NOT NULL LIMIT 1"
        first = connection.execute(question).fetchone()
        if first is not None:
            trace, wrapped, text = first
            self._opened(self._keys({1: self._own}, [(trace, wrapped, 1)])[trace], trace, text)
        connection.execute("INSERT INTO masters VALUES (1, ?)", (self._own.mark,))
        return 1

    def put(self, kind: str, addresses: Mapping[int, str] | Iterable[tuple[int, str]]) -> int:
        """Seal addresses of one kind by trace; those already there stay. The number of new ones."""
        wanted = dict(addresses)
        with self._lock, self._connected() as connection:
            known = self._known(connection, wanted)
            # in the order of the key: SQLite then writes every page once
            fresh = sorted(pair for pair in wanted.items() if pair[0] not in known)
            random = os.urandom(_RANDOM * len(fresh))
            parts = [random[start : start + _RANDOM] for start in range(0, len(random), _RANDOM)]
            texts = [sealed(part, trace, raw) for part, (trace, raw) in zip(parts, fresh, strict=True)]
            wrapped = self._own.wrap(b"".join(part[:KEY] for part in parts))
            connection.execute("BEGIN IMMEDIATE")
            number = self._own_number(connection)
            rows = [(pair[0], kind, key, text, number) for pair, key, text in zip(fresh, wrapped, texts, strict=True)]
            for text, values in grouped("INSERT OR IGNORE INTO addresses VALUES (?, ?, ?, ?, ?)", rows):
                connection.executemany(text, values)
            connection.execute("COMMIT")
        return len(fresh)

    def _known(self, connection: sqlite3.Connection, wanted: Collection[int]) -> set[int]:
        """Those of the traces that are there; new ones have larger numbers than any before."""
        last = connection.execute("SELECT max(trace) FROM addresses").fetchone()[0]
        old = [trace for trace in wanted if trace <= last] if last is not None else []
        question = "SELECT trace FROM addresses WHERE trace IN (SELECT value FROM json_each(?))"
        return {row[0] for row in connection.execute(question, (json.dumps(sorted(old)),))} if old else set()

    def open(self, traces: Collection[int]) -> dict[int, str]:
        """The raw addresses of these traces; unknown and destroyed ones are absent."""
        return {trace: found.raw for trace, found in self.addresses(traces).items()}

    def addresses(self, traces: Collection[int]) -> dict[int, Address]:
        """The raw addresses of these traces with their kinds; unknown and destroyed ones are absent."""
        with self._connected() as connection:
            masters = self._masters(connection)
            rows = connection.execute(_AMONG, (json.dumps(sorted(traces)),)).fetchall()
        keys = self._keys(masters, [(trace, key, master) for trace, _, key, _, master in rows])
        return {trace: Address(kind, self._opened(keys[trace], trace, text)) for trace, kind, _, text, _ in rows}

    def _keys(self, masters: Mapping[int, Master], rows: Sequence[tuple[int, bytes, int]]) -> dict[int, bytes]:
        """The keys of (trace, wrapped key, number of its master)."""
        found: dict[int, bytes] = {}
        for number in {number for _, _, number in rows}:
            mine = [(trace, wrapped) for trace, wrapped, own in rows if own == number]
            if number not in masters:
                raise Broken(SEALED, place=self.place)
            try:
                keys = masters[number].unwrap(mine)
            except InvalidTag:
                raise Broken(SEALED, place=self.place) from None
            found.update(zip((trace for trace, _ in mine), keys, strict=True))
        return found

    def _opened(self, key: bytes, trace: int, text: bytes) -> str:
        try:
            return unsealed(key, trace, text)
        except InvalidTag:
            raise Broken(SEALED, place=self.place) from None

    def destroy(self, traces: Collection[int]) -> int:
        """Destroy the keys and the sealed text of these traces; the rows stay, so that a re-import finds them taken.

        What stood there is overwritten in the file and gone from its log; the number of addresses that were there.
        """
        with self._lock, self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            gone = connection.executemany(
                "UPDATE addresses SET sealed_key = NULL, sealed = NULL WHERE trace = ? AND sealed_key IS NOT NULL",
                [(trace,) for trace in traces],
            ).rowcount
            connection.execute("COMMIT")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise Broken(VAULT_BUSY, place=self.place)
        return gone

    def forget(self, traces: Collection[int]) -> int:
        """Take out the addresses of these traces, rows and all: one that comes in again is sealed anew. How many.

        What stood there is overwritten in the file and gone from its log. What was destroyed stays destroyed.
        """
        with self._lock, self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            gone = connection.executemany(
                "DELETE FROM addresses WHERE trace = ? AND sealed_key IS NOT NULL", [(trace,) for trace in traces]
            ).rowcount
            connection.execute("COMMIT")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise Broken(VAULT_BUSY, place=self.place)
        return max(gone, 0)

    def traces(self) -> Sequence[int]:
        """The identifiers that have an address here, ascending."""
        question = "SELECT trace FROM addresses WHERE sealed_key IS NOT NULL ORDER BY trace"
        with self._connected() as connection:
            return [row[0] for row in connection.execute(question)]

    def file_key(self, name: str) -> tuple[bytes, bytes]:
        """A random key for a file of that name, and the same wrapped, to be kept beside what it seals.

        It is wrapped under a key that lies in the vault, so that a new master leaves such files as they are.
        """
        key, nonce = os.urandom(KEY), os.urandom(NONCE)
        return key, nonce + AESGCM(self._files_key()).encrypt(nonce, key, name.encode())

    def key_of(self, wrapped: bytes, name: str) -> bytes:
        """The key that `file_key` wrapped for that name."""
        try:
            return AESGCM(self._files_key()).decrypt(wrapped[:NONCE], wrapped[NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise Broken(SEALED, place=name) from None

    def _files_key(self) -> bytes:
        """The key under which the keys of files are wrapped; made when it is first asked for."""
        if self._opened_files_key is None:
            with self._lock, self._connected() as connection:
                connection.execute("BEGIN IMMEDIATE")
                number = self._own_number(connection)
                made = (self._own.wrap(os.urandom(KEY))[0], number)
                connection.execute("INSERT OR IGNORE INTO files_key VALUES (1, ?, ?)", made)
                connection.execute("COMMIT")
                masters = self._masters(connection)
                wrapped, number = connection.execute("SELECT sealed_key, master FROM files_key").fetchone()
            self._opened_files_key = self._keys(masters, [(0, wrapped, number)])[0]
        return self._opened_files_key

    def count(self) -> int:
        """How many addresses lie in it that can be opened."""
        with self._connected() as connection:
            return int(connection.execute("SELECT count(sealed_key) FROM addresses").fetchone()[0])

    def rekey(self, key: bytes, tell: Tell = silent) -> int:
        """Wrap every key anew under another master, batch by batch; the sealed texts stay. How many were wrapped.

        Cut off at any instant it goes on where it stopped. Once it is over, nothing opens with the old master.
        """
        fresh, done = Master(key), 0
        self._given[fresh.mark] = fresh
        with self._lock, self._connected() as connection:
            number = self._begun(connection, fresh)
            self._rewrap_files_key(connection, fresh, number)
            while moved := self._rewrap(connection, fresh, number):
                done += moved
                tell(done, 0, "rekey")
            connection.execute("DELETE FROM masters WHERE master != ?", (number,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._own = fresh
        return done

    def _begun(self, connection: sqlite3.Connection, fresh: Master) -> int:
        """The number of the new master, beside that of the old one."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            rows = dict(connection.execute("SELECT mark, master FROM masters").fetchall())
            number = rows.get(fresh.mark)
            if number is None:
                number = max(self._own_number(connection), 0, *rows.values()) + 1
                connection.execute("INSERT INTO masters VALUES (?, ?)", (number, fresh.mark))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return int(number)

    def _rewrap_files_key(self, connection: sqlite3.Connection, fresh: Master, number: int) -> None:
        found = connection.execute("SELECT sealed_key, master FROM files_key WHERE master != ?", (number,)).fetchone()
        if found is not None:
            key = self._keys(self._masters(connection), [(0, *found)])[0]
            connection.execute("UPDATE files_key SET sealed_key = ?, master = ?", (fresh.wrap(key)[0], number))

    def _rewrap(self, connection: sqlite3.Connection, fresh: Master, number: int) -> int:
        """Wrap one batch anew, in one transaction; how many, 0 when none is left."""
        masters = self._masters(connection)
        question = "SELECT trace, sealed_key, master FROM addresses WHERE master != ? LIMIT ?"
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute(question, (number, _BATCH)).fetchall()
        live = [row for row in rows if row[1] is not None]
        try:
            keys = self._keys(masters, live)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        wrapped = fresh.wrap(b"".join(keys[trace] for trace, _, _ in live))
        fresh_keys = dict(zip((row[0] for row in live), wrapped, strict=True))
        values = [(fresh_keys.get(row[0]), number, row[0]) for row in rows]
        connection.executemany("UPDATE addresses SET sealed_key = ?, master = ? WHERE trace = ?", values)
        connection.execute("COMMIT")
        return len(rows)
