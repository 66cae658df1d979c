"""Loads: one run of a source over one file, in the ledger; done once, resumed after a kill, withdrawable."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import RowMapping, delete, insert, select, update

from limner.core.actor import Actor
from limner.core.definition import as_mapping
from limner.core.errors import LimnerError, NotFound, unpacked, words
from limner.core.ids import version
from limner.core.tell import Tell, silent
from limner.flow.sources.definition import Source
from limner.flow.sources.spares import revive
from limner.store.ledger.tables import audit, batches, consents, loads

if TYPE_CHECKING:
    from limner.store.stores import Stores

NO_LOAD = words("load_unknown", "There is no load {load}. limner loads lists them.")

FATES = ("used", "anonymous", "cancelled", "rejected")


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows: rows = used + anonymous + cancelled + the rejected of every reason.

    `values` counts single values left out of rows that were used otherwise.
    """

    rows: int = 0
    used: int = 0
    anonymous: int = 0
    cancelled: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        def both(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
            return dict(sorted((Counter(a) + Counter(b)).items(), key=lambda kv: (-kv[1], kv[0])))

        return Counts(
            self.rows + other.rows, self.used + other.used, self.anonymous + other.anonymous,
            self.cancelled + other.cancelled, both(self.rejected, other.rejected), both(self.values, other.values),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "rows": self.rows, "used": self.used, "anonymous": self.anonymous, "cancelled": self.cancelled,
            "rejected": dict(self.rejected), "values": dict(self.values),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """One run of a source over one file. States: running, done, withdrawn, failed (and `why`)."""

    load: int
    source: str
    file: str
    state: str
    counts: Counts
    done: int
    started_at: datetime
    replaces: int | None = None
    why: LimnerError | None = None


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_hashes(paths: Sequence[Path]) -> list[str]:
    """The hashes of several files, two at a time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(content_hash, paths))


_EVERY_TEN, _AFTER_FIVE = timedelta(seconds=10), timedelta(seconds=5)


def mapping_version(source: Source) -> str:
    """The version of what a source means: its name, where its files are and when they are read left out."""
    said = replace(
        source, name="", files=(), ask={}, watch=False, every=_EVERY_TEN, settle=_AFTER_FIVE, replaces="never",
        control=None, is_history=True,
    )  # fmt: skip
    return version(as_mapping(said))


def done_before(stores: Stores, source: Source, content: str) -> Load | None:
    """The load that brought in a file with this content by this source as it is; None when there is none yet."""
    mapping = mapping_version(source)
    found = (row for row in _loads_of(stores, source, content) if row["mapping_version"] == mapping)
    return next((_load(row) for row in found if row["state"] == "done"), None)


def _loads_of(stores: Stores, source: Source, content: str) -> Sequence[RowMapping]:
    same = (loads.c.source == source.id, loads.c.content_hash == content, loads.c.state.in_(("running", "done")))
    with stores.ledger.read() as connection:
        return connection.execute(select(loads).where(*same).order_by(loads.c.load)).mappings().all()


@dataclass(frozen=True, slots=True)
class Begun:
    """The load of a file, and the loads of the same content under another mapping: they go when its rows come."""

    load: Load
    replaced: tuple[int, ...] = ()


def begin(
    stores: Stores,
    source: Source,
    path: Path,
    place: str,
    content: str,
    older: Sequence[int],
    who: Actor,
    now: datetime,
) -> Begun:
    """The load of a file by a source. `content` is the hash of the file, `older` are loads whose place it takes.

    A load that was cut off is taken up again.
    """
    mapping = mapping_version(source)
    found = _loads_of(stores, source, content)
    others = tuple(dict.fromkeys([*(row["load"] for row in found if row["mapping_version"] != mapping), *older]))
    old = next((row for row in found if row["mapping_version"] == mapping), None)
    if old is not None:
        return Begun(_load(old), others)
    replaced = others[-1] if others else None
    with stores.ledger.write() as connection:
        number = stores.ledger.take(connection, "load")
        values = {
            "load": number, "source": source.id, "file": path.name, "content_hash": content, "mapping_version": mapping,
            "state": "running", "started_at": now, "actor": who.id, "replaces": replaced, "place": place,
        }  # fmt: skip
        connection.execute(insert(loads).values(**values))
    return Begun(Load(number, source.id, path.name, "running", Counts(), 0, now, replaced), others)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load has come: batches done, what became of the rows so far, and whether that was all."""

    load: int
    done: int
    counts: Counts
    is_whole: bool


def note(stores: Stores, progress: Sequence[Progress], now: datetime) -> None:
    """Write down how far loads have come."""
    with stores.ledger.write() as connection:
        for step in progress:
            body = json.dumps(step.counts.to_dict(), ensure_ascii=False)
            values: dict[str, Any] = {"counts": body, "rows": step.counts.rows, "done": step.done}
            values |= {"state": "done", "ended_at": now} if step.is_whole else {}
            connection.execute(update(loads).where(loads.c.load == step.load).values(**values))


def note_ahead(stores: Stores, progress: Sequence[Progress], until_now: Mapping[int, Counts]) -> None:
    """Write down, beside the counts until now, what they will be once the batch in hand is in."""
    with stores.ledger.write() as connection:
        for step in progress:
            body = {**until_now[step.load].to_dict(), "ahead": step.counts.to_dict()}
            text = json.dumps(body, ensure_ascii=False)
            connection.execute(update(loads).where(loads.c.load == step.load).values(counts=text))


def forget(stores: Stores, unstarted: Sequence[int]) -> None:
    """Take back loads of which nothing was read."""
    with stores.ledger.write() as connection:
        connection.execute(delete(loads).where(loads.c.load.in_(unstarted), loads.c.state == "running"))


def counts_ahead(stores: Stores, load: int) -> Counts:
    """The counts that were written down ahead of a batch that is in."""
    with stores.ledger.read() as connection:
        body = connection.execute(select(loads.c.counts).where(loads.c.load == load)).scalar_one()
    found = json.loads(body)
    return _counts(json.dumps(found.get("ahead", found)))


def _counts(text: str) -> Counts:
    found = json.loads(text)
    found.pop("ahead", None)
    return Counts(**found)


def list_loads(stores: Stores) -> tuple[Load, ...]:
    """Every load, oldest first, withdrawn ones included."""
    with stores.ledger.read() as connection:
        return tuple(_load(row) for row in connection.execute(select(loads).order_by(loads.c.load)).mappings())


def _load(row: Mapping[Any, Any]) -> Load:
    return Load(
        row["load"], row["source"], row["file"], row["state"], _counts(row["counts"]), row["done"],
        row["started_at"], row["replaces"], unpacked(row["why"]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What a withdrawal took back, refusals excepted, and how many duplicates of its events took their place."""

    load: int
    rows: int
    grants: int
    was: str
    revived: int = 0


def withdraw(
    stores: Stores, load: int, *, who: Actor, now: datetime, state: str = "withdrawn", tell: Tell = silent
) -> Withdrawn:
    """Take the rows of a load out of every later view. Its record stays; of its consents the refusals stay too.

    Orders that other loads had stated as well come back from there. Rejects say what happened when they were loaded.
    A load withdrawn before is left as it is. Raises NotFound for a number that was never given.
    """
    with stores.ledger.read() as connection:
        row = connection.execute(select(loads).where(loads.c.load == load)).mappings().first()
    if row is None:
        raise NotFound(NO_LOAD, load=load)
    if row["state"] not in ("running", "done"):
        return Withdrawn(load, 0, 0, row["state"])
    rows = stores.lake.withdraw(load, now)
    tell(1, 3, "rows")
    revived = revive(stores, load)
    tell(2, 3, "duplicates")
    with stores.ledger.write() as connection:
        ours = (consents.c.load == load, consents.c.withdrawn_at.is_(None), consents.c.is_granted.is_(True))
        grants = connection.execute(update(consents).where(*ours).values(withdrawn_at=now)).rowcount
        connection.execute(
            delete(batches).where(batches.c.table_name == "consents", batches.c.batch_id.like(f"load/{load}/%"))
        )
        connection.execute(update(loads).where(loads.c.load == load).values(state=state, withdrawn_at=now))
        body = json.dumps({"load": load, "file": row["file"], "rows": rows}, ensure_ascii=False)
        seq = stores.ledger.take(connection, "audit")
        connection.execute(insert(audit).values(seq=seq, happened_at=now, actor=who.id, verb="withdraw", body=body))
    tell(3, 3, "consents")
    return Withdrawn(load, rows, grants, row["state"], revived)


def total(parts: Sequence[Counts]) -> Counts:
    """The counts of several loads together; none: zeros."""
    whole = Counts()
    for part in parts:
        whole = whole + part
    return whole
