"""The vault: raw addresses, each under a key of its own, in a file of its own.

An address is sealed with AES-256-GCM under a random key; that key is wrapped by the workspace's vault key. Destroying
the wrapped key makes the address unreadable for good, in every copy of the file made after it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from limner.core.errors import Broken, Full, words
from limner.store.ledger.bulk import grouped

SEALED = words(
    "vault_sealed",
    "The vault {place} does not open with the key given. Check [keys] vault in limner.toml: it must be the key the "
    "vault was made with.",
)
VAULT_FULL = words("vault_unwritable", "The vault {place} cannot be written: {why}. Free some space, then run again.")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS addresses (
    trace INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, sealed_key BLOB, sealed BLOB
) STRICT, WITHOUT ROWID
"""


_RANDOM = 32 + 12 + 12
"""Random bytes for one address: its key, and two nonces."""


class Vault:
    """The one place with raw addresses: trace → address. `put` seals, `open` unseals, `destroy` forgets."""

    def __init__(self, path: Path, key: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.place = path
        self._master = AESGCM(key)
        self._lock = threading.Lock()
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(_SCHEMA)
        path.chmod(0o600)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.place, timeout=60, isolation_level=None)
        try:
            yield connection
        except sqlite3.OperationalError as error:
            raise Full(VAULT_FULL, place=self.place, why=str(error)) from error
        finally:
            connection.close()

    def put(self, kind: str, addresses: Mapping[int, str] | Iterable[tuple[int, str]]) -> int:
        """Seal addresses of one kind by trace; those already there stay. The number of new ones."""
        wanted = dict(addresses)
        with self._lock, self._connected() as connection:
            known = self._known(connection, wanted)
            # in the order of the key: SQLite then writes every page once
            fresh = sorted(pair for pair in wanted.items() if pair[0] not in known)
            random = os.urandom(_RANDOM * len(fresh))
            rows = [
                (trace, kind, *self._seal(trace, raw, random[start : start + _RANDOM]))
                for start, (trace, raw) in zip(range(0, len(random), _RANDOM), fresh, strict=True)
            ]
            connection.execute("BEGIN IMMEDIATE")
            for text, values in grouped("INSERT OR IGNORE INTO addresses VALUES (?, ?, ?, ?)", rows):
                connection.executemany(text, values)
            connection.execute("COMMIT")
        return len(fresh)

    def _known(self, connection: sqlite3.Connection, wanted: Collection[int]) -> set[int]:
        """Those of the traces that are there; new ones have larger numbers than any before."""
        last = connection.execute("SELECT max(trace) FROM addresses").fetchone()[0]
        old = [trace for trace in wanted if trace <= last] if last is not None else []
        question = "SELECT trace FROM addresses WHERE trace IN (SELECT value FROM json_each(?))"
        return {row[0] for row in connection.execute(question, (json.dumps(sorted(old)),))} if old else set()

    def _rows(self, connection: sqlite3.Connection, traces: Collection[int]) -> Iterator[tuple[int, bytes, bytes]]:
        wanted = json.dumps(sorted(traces))
        question = "SELECT trace, sealed_key, sealed FROM addresses WHERE trace IN (SELECT value FROM json_each(?))"
        yield from connection.execute(question, (wanted,))

    def _seal(self, trace: int, raw: str, random: bytes) -> tuple[bytes, bytes]:
        key, key_nonce, nonce, bound = random[:32], random[32:44], random[44:], b"%d" % trace
        sealed_key = key_nonce + self._master.encrypt(key_nonce, key, bound)
        return sealed_key, nonce + AESGCM(key).encrypt(nonce, raw.encode(), bound)

    def open(self, traces: Collection[int]) -> dict[int, str]:
        """The raw addresses of these traces; unknown and destroyed ones are absent."""
        found: dict[int, str] = {}
        with self._connected() as connection:
            for trace, sealed_key, sealed in self._rows(connection, traces):
                if sealed_key is not None:
                    found[trace] = self._unseal(trace, sealed_key, sealed)
        return found

    def _unseal(self, trace: int, sealed_key: bytes, sealed: bytes) -> str:
        bound = str(trace).encode()
        try:
            key = self._master.decrypt(sealed_key[:12], sealed_key[12:], bound)
            return AESGCM(key).decrypt(sealed[:12], sealed[12:], bound).decode()
        except InvalidTag:
            raise Broken(SEALED, place=self.place) from None

    def destroy(self, traces: Collection[int]) -> int:
        """Destroy the keys and the sealed text of these traces; the rows stay, so that a re-import finds them taken."""
        with self._lock, self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            gone = connection.executemany(
                "UPDATE addresses SET sealed_key = NULL, sealed = NULL WHERE trace = ?", [(t,) for t in traces]
            ).rowcount
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone
