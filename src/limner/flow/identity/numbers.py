"""Customer numbers: minted once, lifelong. A merge keeps the smaller, an un-merge revives the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from sqlalchemy import insert, select, update
from sqlglot import exp

from limner.flow.identity.base import Ints
from limner.flow.identity.named import PACKAGE, Longs
from limner.maths.distinct import distinct
from limner.maths.lookup import lookup
from limner.store.lake.sql import statement
from limner.store.ledger import tables
from limner.store.ledger.columns import micros
from limner.store.ledger.many import among, numbers, plain

if TYPE_CHECKING:
    from limner.store.stores import Stores

_LOW: Final = 32
_MASK: Final = (1 << _LOW) - 1
_FEW: Final = 20
"""Fewer roots than one in so many numbers are sorted; more are marked on a map of all."""


Minted = tuple[Ints, Ints]
"""The traces numbers were minted for, sorted, and the numbers."""


def read_mints(stores: Stores, among: Ints | None = None) -> Minted:
    """All traces numbers were minted for, or those `among` some."""
    if among is None:
        found = stores.lake.table(statement(PACKAGE, "mints.sql"))
    else:
        found = stores.lake.among("mints", ("trace",), among, columns=("trace", "number")).sort_by("trace")
    return found["trace"].to_numpy(), found["number"].to_numpy()


def numbered(stores: Stores, trace: Ints, root: Ints, mints: Minted, now: datetime) -> Ints:
    """The number of each trace's customer: the smallest one minted for any of its traces, or a new one, minted for its
    smallest trace. `trace` is sorted, `root` the smallest trace of each one's customer."""
    roots, inverse = _roots(root)
    none = np.iinfo(np.int32).max
    number = np.full(roots.size, none, np.int32)
    place, here = lookup(trace, mints[0])
    np.minimum.at(number, inverse[place[here]], mints[1][here])
    fresh = np.flatnonzero(number == none)
    if fresh.size:
        with stores.ledger.write() as connection:
            first = stores.ledger.take(connection, "number", fresh.size)
        number[fresh] = np.arange(first, first + fresh.size)
        rows = pa.table(
            {
                "trace": roots[fresh].astype(np.int32),
                "number": number[fresh],
                "happened_at": pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), fresh.size),
            }
        )
        stores.lake.append("mints", f"mints:{first}", rows)
    return np.asarray(number[inverse], np.int32)


def _roots(root: Ints) -> tuple[Ints, Ints]:
    """The different roots, sorted, and the place of each one's among them."""
    if root.size * _FEW < int(root.max(initial=-1)):
        roots = distinct(root)
        return roots, lookup(roots, root)[0].astype(np.int32)
    is_root = np.zeros(int(root.max(initial=-1)) + 1, np.bool_)
    is_root[root] = True
    place = np.cumsum(is_root, dtype=np.int32) - 1
    return np.flatnonzero(is_root).astype(np.int32), place[root]


def note_merges(
    stores: Stores,
    links: tuple[Ints, Ints],
    mints: Minted,
    *,
    asof: datetime,
    now: datetime,
    previous: str | None,
) -> int:
    """Write down which numbers have been retired since, and which live again; how many were retired.

    `links` are the traces, sorted, and their numbers as of now; `mints` those before; both of whole customers: of all,
    or of all that are not as in the version whose merges were written down last. `previous` is the version of the links
    in which both sides of a new merge are looked up as they were.
    """
    place, here = lookup(links[0], mints[0])
    kept, minted = links[1][place[here]].astype(np.int64), mints[1][here].astype(np.int64)
    retired = distinct((kept << _LOW | minted)[kept != minted])
    if not retired.size and not minted.size:
        return 0
    row = tables.merges
    with stores.ledger.read() as connection:
        question = select(*plain(row.c.seq, row.c.kept, row.c.retired, row.c.asof)).where(row.c.revived_at.is_(None))
        seq, old_kept, old_retired, at = numbers(connection, question)
    fresh = retired[~np.isin(retired, old_kept << _LOW | old_retired)]
    lives = np.isin(old_retired, links[1]) & (at <= micros(asof))
    if not fresh.size and not lives.any():
        return 0
    sides = _sides(stores, fresh, previous, mints)
    with stores.ledger.write() as connection:
        connection.execute(update(row).where(among(row.c.seq, seq[lives].tolist())).values(revived_at=now))
        first = stores.ledger.take(connection, "merge", fresh.size) if fresh.size else 0
        rows = [
            _merge(first + turn, int(pair) >> _LOW, int(pair) & _MASK, sides) | {"happened_at": now, "asof": asof}
            for turn, pair in enumerate(fresh.tolist())
        ]
        if rows:
            connection.execute(insert(row), rows)
    return int(fresh.size)


def is_held_later(stores: Stores, after: datetime, until: datetime) -> bool:
    """Whether merges are held true that were found at an asof after one and up to another."""
    row = tables.merges.c
    question = select(row.seq).where(row.revived_at.is_(None), row.asof > after, row.asof <= until).limit(1)
    with stores.ledger.read() as connection:
        return connection.execute(question).first() is not None


def _merge(seq: int, kept: int, retired: int, sides: Mapping[int, list[int]]) -> dict[str, Any]:
    return {
        "seq": seq, "kept": kept, "retired": retired, "reason": "linked",
        "kept_traces": json.dumps(sides[kept]), "retired_traces": json.dumps(sides[retired]),
    }  # fmt: skip


def _sides(stores: Stores, fresh: Longs, previous: str | None, mints: Minted) -> dict[int, list[int]]:
    """The traces each number of these merges had in the version before; else the one it was minted for."""
    if not fresh.size:
        return {}
    wanted = distinct(np.concatenate([fresh >> _LOW, fresh & _MASK]))
    order = np.argsort(mints[1])
    minted_for = mints[0][order[lookup(mints[1][order], wanted)[0]]]
    sides = {number: [trace] for number, trace in zip(wanted.tolist(), minted_for.tolist(), strict=True)}
    if previous is None:
        return sides
    asked = statement(PACKAGE, "members.sql", wanted=exp.to_table("wanted"))
    given = {"wanted": pa.table({"number": wanted.astype(np.int32)})}
    found = stores.lake.table(asked, given=given, versions={"links": previous})
    before: dict[int, list[int]] = {}
    for trace, number in zip(found["trace"].to_pylist(), found["number"].to_pylist(), strict=True):
        before.setdefault(number, []).append(trace)
    return sides | before
