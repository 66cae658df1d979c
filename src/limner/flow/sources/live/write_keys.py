"""Write keys: a client shows one and may write to one source. What is kept is their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from limner.core.actor import Actor
from limner.core.errors import BadInput, NotFound, near, words
from limner.flow.sources.definition import Source

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.ledger import Ledger
    from limner.store.stores import Stores

from limner.store.ledger.tables import write_keys

NOT_LIVE = words(
    "source_not_live",
    "Source {source!r} reads files. Add `live: {{}}` to sources/{source}.yaml, or name a live source.",
)
NO_KEY = words("write_key_unknown", "There is no write key that ends in {ends!r}. limner key list shows them.")
SHORT_KEY = words("write_key_short", "The write key has {count} characters, it needs {least} or more.")

_LEAST: Final = 8
_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class WriteKey:
    """A write key: the source it writes to, its last letters, when it was made and revoked.

    `key` is the key itself, known only at the moment it is made.
    """

    source: str
    ends_in: str
    note: str
    made_at: datetime
    revoked_at: datetime | None = None
    key: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        whole = {"source": self.source, "ends_in": self.ends_in, "note": self.note, "made_at": self.made_at}
        return {**whole, "revoked_at": self.revoked_at, **({"key": self.key} if self.key else {})}


def make_key(
    stores: Stores, definitions: Definitions, source: str, key: str, *, note: str, who: Actor, now: datetime
) -> WriteKey:
    """Let a key write to a live source. Raises BadInput for a source that reads files and for a short key."""
    found = definitions.find(Source, source)
    if found.live is None:
        raise BadInput(NOT_LIVE, source=found.id)
    if len(key) < _LEAST:
        raise BadInput(SHORT_KEY, count=len(key), least=_LEAST)
    made = WriteKey(found.id, key[-_SHOWN:], note, now, None, key)
    with stores.ledger.write() as connection:
        mark = _mark(key)
        if connection.execute(select(write_keys.c.source).where(write_keys.c.key_hash == mark)).first() is None:
            row = {"source": made.source, "ends_in": made.ends_in, "note": note, "made_at": now, "actor": who.id}
            connection.execute(insert(write_keys).values(key_hash=mark, **row))
        else:
            again = {"source": made.source, "note": note, "revoked_at": None, "made_at": now, "actor": who.id}
            connection.execute(update(write_keys).where(write_keys.c.key_hash == mark).values(**again))
    return made


def list_keys(stores: Stores) -> tuple[WriteKey, ...]:
    """All write keys, oldest first, revoked ones included."""
    with stores.ledger.read() as connection:
        rows = connection.execute(select(write_keys).order_by(write_keys.c.made_at, write_keys.c.ends_in)).mappings()
        return tuple(
            WriteKey(row["source"], row["ends_in"], row["note"], row["made_at"], row["revoked_at"]) for row in rows
        )


def revoke_key(stores: Stores, ends_in: str, *, now: datetime) -> tuple[WriteKey, ...]:
    """Refuse the keys that end so from now on; those that were revoked."""
    with stores.ledger.write() as connection:
        live = (write_keys.c.ends_in == ends_in[-_SHOWN:], write_keys.c.revoked_at.is_(None))
        gone = connection.execute(update(write_keys).where(*live).values(revoked_at=now)).rowcount
    if not gone:
        raise NotFound(NO_KEY, near=near(ends_in, [key.ends_in for key in list_keys(stores)]), ends=ends_in)
    return tuple(key for key in list_keys(stores) if key.revoked_at == now)


def known_keys(ledger: Ledger) -> Mapping[bytes, str]:
    """SHA-256 of every key that is not revoked → its source."""
    with ledger.read() as connection:
        live = select(write_keys.c.key_hash, write_keys.c.source).where(write_keys.c.revoked_at.is_(None))
        return {bytes(mark): source for mark, source in connection.execute(live)}


def _mark(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
