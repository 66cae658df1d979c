"""Which customers have to be looked at again since an earlier version of the links, and which stay as they are.

What a pair does follows from the records of its two ends; who is one customer follows from the pairs records lead
along. So beside the identifiers whose records, partings or accepted likenesses have changed, only those count that
stand beside one, and whatever hung together with these: their parts. All else stands, and its files with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import delete, insert, select, update

from limner.flow.identity.base import Ints
from limner.flow.identity.named import PACKAGE, records_of
from limner.flow.identity.partings import Parting, read_partings
from limner.maths.distinct import distinct
from limner.maths.lookup import lookup
from limner.store.lake.catalog import LIVE
from limner.store.lake.parted import rows_in
from limner.store.lake.sql import statement
from limner.store.ledger import tables
from limner.store.ledger.columns import micros

if TYPE_CHECKING:
    from limner.store.stores import Stores

_KEPT: Final = 50
"""How many versions of the links are remembered with what they were made of."""
_COUNTER: Final = "resolve"
_MOST: Final = 0.25
"""A greater share than this of changed rows, or of customers to look at again, and all are looked at again."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a version of the links was made of: files of identifiers, partings in force, accepted pairs of traces; and
    how many customers, identified customers and numbers (one more than the largest) it has."""

    version: str
    asof: datetime
    basis: str
    files: tuple[int, ...]
    partings: tuple[int, ...]
    accepted: Ints
    counts: tuple[int, int, int] = (0, 0, 0)


def live_files(stores: Stores) -> dict[int, int]:
    """The files of identifiers that are in sight now, by number, and their rows."""
    row = tables.files.c
    question = select(row.file_id, row.rows).where(row.table_name == "identifiers", *LIVE.where())
    with stores.ledger.read() as connection:
        return {found.file_id: found.rows for found in connection.execute(question.order_by(row.file_id))}


def remember(stores: Stores, made: Made, *, is_noted: bool = True) -> None:
    """Write down what a version was made of; of many, the newest are kept. `is_noted`: its merges have been written
    down, and no other version's since."""
    row = tables.resolves
    with stores.ledger.write() as connection:
        seq = stores.ledger.take(connection, _COUNTER)
        connection.execute(delete(row).where((row.c.version == made.version) | (row.c.seq <= seq - _KEPT)))
        connection.execute(
            insert(row).values(
                version=made.version,
                seq=seq,
                asof=made.asof,
                basis=made.basis,
                files=json.dumps(made.files),
                partings=json.dumps(made.partings),
                accepted=made.accepted.astype(np.int32).tobytes(),
                counts=json.dumps(made.counts),
            )
        )
        if not is_noted:
            stores.ledger.take(connection, _COUNTER)


def noted_again(stores: Stores, version: str) -> None:
    """Say that the merges of a version made before have been written down again, after those of all others."""
    row = tables.resolves
    with stores.ledger.write() as connection:
        seq = stores.ledger.take(connection, _COUNTER)
        connection.execute(update(row).where(row.c.version == version).values(seq=seq))


def is_noted_last(stores: Stores, version: str) -> bool:
    """Whether the merges written down last are those of a version."""
    row = tables.resolves.c
    with stores.ledger.read() as connection:
        seq = connection.execute(select(row.seq).where(row.version == version)).scalar()
        return seq is not None and seq == stores.ledger.peek(connection, _COUNTER) - 1


def nearest(stores: Stores, asof: datetime) -> Made | None:
    """The version of the links that is still there and was made for the nearest asof; the newest of several."""
    row = tables.resolves
    with stores.ledger.read() as connection:
        found = connection.execute(select(row.c.version, row.c.asof).order_by(row.c.seq.desc())).all()
    here = [(version, at) for version, at in found if stores.lake.catalog.has_batch("links", f"view:{version}")]
    if not here:
        return None
    version = min(here, key=lambda one: abs(micros(one[1]) - micros(asof)))[0]
    with stores.ledger.read() as connection:
        one = connection.execute(select(row).where(row.c.version == version)).mappings().one()
    return Made(
        version,
        one["asof"],
        one["basis"],
        tuple(json.loads(one["files"])),
        tuple(json.loads(one["partings"])),
        np.frombuffer(one["accepted"], np.int32).reshape(-1, 2),
        tuple(json.loads(one["counts"])),
    )


def touched(stores: Stores, before: Made, now: Made, in_force: list[Parting]) -> Ints | None:
    """The traces of which something has changed, sorted; None when that cannot be known or is so much that looking at
    all of them costs less."""
    if before.basis != now.basis:
        return None
    live = live_files(stores)
    fresh, gone = set(now.files) - set(before.files), set(before.files) - set(now.files)
    parts = _of_files(stores, fresh | gone, max(before.asof, now.asof), sum(live.values()))
    if parts is None:
        return None
    if before.asof != now.asof:
        low, high = sorted((before.asof, now.asof))
        rows = stores.lake.table(statement(PACKAGE, "between.sql", low=low, high=high))
        parts.append(rows["trace"].to_numpy())
    words = {one.seq: one for one in in_force}
    other = set(before.partings) ^ set(now.partings)
    missing = read_partings(stores.ledger, among=other - set(words)) if other - set(words) else []
    parts += [one.traces for one in (*(words[seq] for seq in other & set(words)), *missing)]
    parts.append(_differing(before.accepted, now.accepted))
    return distinct(np.concatenate(parts).astype(np.int32))


def _of_files(stores: Stores, numbers: set[int], before: datetime, total: int) -> list[Ints] | None:
    """The traces named in files before a moment; None when a file has gone or they hold too many rows."""
    row = tables.files.c
    with stores.ledger.read() as connection:
        question = select(row.file_id, row.path, row.rows).where(row.table_name == "identifiers")
        paths = {n: (path, rows) for n, path, rows in connection.execute(question) if n in numbers}
    if len(paths) < len(numbers) or sum(rows for _, rows in paths.values()) > max(_MOST * total, 1000):
        return None
    found = [np.empty(0, np.int32)]
    for path, _ in paths.values():
        rows = stores.lake.file("identifiers", path)
        if rows is None:
            return None
        rows = rows.filter(pc.less(rows["happened_at"], pa.scalar(before, pa.timestamp("us", tz="UTC"))))
        found += [rows[name].drop_null().to_numpy() for name in ("trace", "with_trace")]
    return found


def _differing(before: Ints, now: Ints) -> Ints:
    """The traces of pairs that stand in one of two lists only."""
    old, fresh = (distinct(pairs[:, 0].astype(np.int64) << 32 | pairs[:, 1]) for pairs in (before, now))
    other = np.setxor1d(old, fresh, assume_unique=True)
    return np.concatenate([other >> 32, other & 0xFFFFFFFF]).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Again:
    """The traces to look at again, sorted, and what an earlier version says of them: their rows of links and cuts."""

    traces: Ints
    links: pa.Table
    cuts: pa.Table


def neighbourhood(stores: Stores, changed: Ints, before: Made, now: Made) -> Again | None:
    """What to look at again: the changed, those beside them, and all their parts; None when that is so much that
    looking at all of them costs less."""
    rows = records_of(stores, "beside.sql", now.asof, changed)
    alike = now.accepted[np.isin(now.accepted, changed).any(axis=1)]
    ends = (rows[name].to_numpy() for name in ("trace", "beside"))
    near = distinct(np.concatenate([changed, *ends, alike.ravel()]).astype(np.int32))
    own = stores.lake.among("links", ("trace",), near, columns=("part",), version=before.version)
    links = stores.lake.among("links", ("part",), distinct(own["part"].to_numpy()), version=before.version)
    again = distinct(np.concatenate([near, links["trace"].to_numpy()]))
    if again.size > max(_MOST * rows_in(stores.lake, "links", before.version), 1000):
        return None
    cuts = stores.lake.among("cuts", ("trace",), again, version=before.version)
    inside = lookup(again, cuts["beside"].to_numpy())[1]
    return Again(again, links, cuts.filter(pa.array(inside)))


def counted(links: pa.Table) -> tuple[int, int, int]:
    """Customers, identified customers and numbers (one more than the largest) in rows of links."""
    number = links["number"].to_numpy()
    low = int(number.min(initial=0)) if number.size else 0
    lives = np.zeros(int(number.max(initial=-1)) + 1 - low, np.int8)
    lives[number - low] = 1
    lives[number[links["is_identified"].to_numpy(zero_copy_only=False)] - low] = 2
    return int((lives > 0).sum()), int((lives == 2).sum()), int(number.max(initial=-1)) + 1


def counted_on(before: Made, again: Again, links: pa.Table) -> tuple[int, int, int] | None:
    """`counted` of a whole version out of that of an earlier one and of the rows that were and are; None when that
    cannot be said."""
    old, new = counted(again.links), counted(links)
    if before.counts[2] > max(old[2], new[2]):
        size = before.counts[2]
    elif new[2] >= old[2]:
        size = new[2]
    else:
        return None
    return before.counts[0] - old[0] + new[0], before.counts[1] - old[1] + new[1], size
