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
from limner.flow.sources.definition import Source
from limner.store.ledger.tables import loads

if TYPE_CHECKING:
    from limner.store.stores import Stores

NO_LOAD = words("load_unknown", "There is no load {load}. limner loads lists them.")

STANDING = ("running", "done", "held")
"""States of loads that may still be taken back."""

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
    """One run of a source over one file. States: running, done, held, withdrawn, dropped, failed (and `why`).

    What a hidden load brings is seen by no reader: it is being judged, or was found wrong.
    """

    load: int
    source: str
    file: str
    state: str
    counts: Counts
    done: int
    started_at: datetime
    replaces: int | None = None
    why: LimnerError | None = None
    is_hidden: bool = False


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
    """The version of what a source means: its name, checks, where its files are and when they are read left out."""
    said = replace(
        source, name="", files=(), ask={}, watch=False, every=_EVERY_TEN, settle=_AFTER_FIVE, replaces="never",
        control=None, sql=None, is_history=True, checks=(), drift="",
    )  # fmt: skip
    return version(as_mapping(said))


def done_before(stores: Stores, source: Source, content: str, without: Sequence[int] = ()) -> Load | None:
    """The load that brought in a file with this content by this source as it is, or that holds it; None: none yet.

    `without` are loads that do not count: their place is to be taken.
    """
    mapping = mapping_version(source)
    found = (row for row in _loads_of(stores, source, content, without) if row["mapping_version"] == mapping)
    return next((_load(row) for row in found if row["state"] in ("done", "held")), None)


def _loads_of(stores: Stores, source: Source, content: str, without: Sequence[int] = ()) -> Sequence[RowMapping]:
    row = loads.c
    same = (row.source == source.id, row.content_hash == content, row.state.in_(STANDING), row.load.not_in(without))
    with stores.ledger.read() as connection:
        return connection.execute(select(loads).where(*same).order_by(row.load)).mappings().all()


def stood_for(stores: Stores, load: int) -> tuple[int, ...]:
    """The loads whose place a load takes, and that still stand."""
    with stores.ledger.read() as connection:
        older = json.loads(connection.execute(select(loads.c.older).where(loads.c.load == load)).scalar_one())
        wanted = select(loads.c.load).where(loads.c.load.in_(older), loads.c.state.in_(STANDING))
        return tuple(connection.execute(wanted.order_by(loads.c.load)).scalars())


@dataclass(frozen=True, slots=True)
class Begun:
    """The load of a file, and the loads whose place it takes: they go when its rows come."""

    load: Load
    replaced: tuple[int, ...] = ()


def begin(  # noqa: PLR0913
    stores: Stores, source: Source, path: Path, place: str, content: str, older: Sequence[int], who: Actor,
    now: datetime, *, is_hidden: bool = False,
) -> Begun:  # fmt: skip
    """The load of a file by a source. `content` is the hash of the file, `older` are loads whose place it takes.

    So are loads of the same content under another mapping. What a new load brings is hidden when that is said. A load
    that was cut off is taken up again, as it was begun.
    """
    mapping = mapping_version(source)
    found = _loads_of(stores, source, content, older)
    others = tuple(dict.fromkeys([*(row["load"] for row in found if row["mapping_version"] != mapping), *older]))
    old = next((row for row in found if row["mapping_version"] == mapping), None)
    if old is not None:
        return Begun(_load(old), tuple(dict.fromkeys([*others, *json.loads(old["older"])])))
    replaced = others[-1] if others else None
    with stores.ledger.write() as connection:
        number = stores.ledger.take(connection, "load")
        values = {
            "load": number, "source": source.id, "file": path.name, "content_hash": content, "mapping_version": mapping,
            "state": "running", "started_at": now, "actor": who.id, "replaces": replaced, "place": place,
            "is_hidden": is_hidden, "older": json.dumps(others),
        }  # fmt: skip
        connection.execute(insert(loads).values(**values))
    return Begun(Load(number, source.id, path.name, "running", Counts(), 0, now, replaced, None, is_hidden), others)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load has come: batches done, what became of the rows so far, and whether that was all.

    A hidden load is not done with its last row: it is when its checks have been made.
    """

    load: int
    done: int
    counts: Counts
    is_whole: bool
    is_hidden: bool = False


def note(stores: Stores, progress: Sequence[Progress], now: datetime) -> None:
    """Write down how far loads have come."""
    with stores.ledger.write() as connection:
        for step in progress:
            body = json.dumps(step.counts.to_dict(), ensure_ascii=False)
            values: dict[str, Any] = {"counts": body, "rows": step.counts.rows, "done": step.done}
            values |= {"state": "done", "ended_at": now} if step.is_whole and not step.is_hidden else {}
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
        row["started_at"], row["replaces"], unpacked(row["why"]), bool(row["is_hidden"]),
    )  # fmt: skip


def load_of(stores: Stores, number: int) -> Load:
    """One load. Raises NotFound for a number that was never given."""
    with stores.ledger.read() as connection:
        row = connection.execute(select(loads).where(loads.c.load == number)).mappings().first()
    if row is None:
        raise NotFound(NO_LOAD, load=number)
    return _load(row)


def total(parts: Sequence[Counts]) -> Counts:
    """The counts of several loads together; none: zeros."""
    whole = Counts()
    for part in parts:
        whole = whole + part
    return whole
