"""`resolve`: identifiers in, links out. Numbers are lifelong: a merge keeps the smaller one, none is used again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from sqlalchemy import insert, select

from limner.core.actor import Actor
from limner.core.tell import Tell, silent
from limner.flow.identity.base import MATCHERS, Ints, Pairs, Seen
from limner.flow.identity.deterministic import within_size
from limner.flow.identity.named import named
from limner.flow.identity.review import accepted, with_accepted
from limner.maths.components import components
from limner.maths.lookup import lookup
from limner.store.lake.sql import statement
from limner.store.ledger import tables

if TYPE_CHECKING:
    from limner.core.settings import IdentitySettings
    from limner.store.stores import Stores

VERSION = 1
"""Raised when the same input must give another answer."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a resolve found: living customers, how many are identified, what was merged and what was cut off."""

    version: str
    asof: datetime
    customers: int
    identified: int
    merged: int
    hubs: int
    too_large: int
    size: int

    @property
    def anonymous(self) -> int:
        """Customers known by devices only."""
        return self.customers - self.identified


def resolve(
    stores: Stores, version: str, *, who: Actor, asof: datetime, now: datetime, has_accepted: bool = True,
    tell: Tell = silent,
) -> Resolved:  # fmt: skip
    """Link every trace seen before `asof` to its customer's number, and write the links under `version`.

    Nobody seen: no links, and a result of zeros. The same identifiers give the same links whatever ran in between.
    Without `has_accepted` the pairs accepted in review are left out: who is who by records alone.
    """
    tell(0, 3, "identifiers")
    seen, together = named(stores, asof)
    if has_accepted:
        together = with_accepted(together, accepted(stores, asof), seen.trace)
    tell(1, 3, "links")
    label, hubs, too_large = join(seen, together, stores.settings.identity)
    roots, inverse = _roots(label[seen.trace])
    numbers, merged = _numbers(stores, seen, roots, inverse, asof, now)
    is_person = _person_kinds(seen)[seen.kind]
    identified = np.zeros(roots.size, bool)
    identified[inverse[is_person]] = True
    links = pa.table({"trace": seen.trace, "number": numbers[inverse], "is_identified": identified[inverse]})
    tell(2, 3, "numbers")
    stores.lake.publish("links", version, links)
    tell(3, 3, "links")
    size = int(numbers.max()) + 1 if numbers.size else 0
    return Resolved(version, asof, roots.size, int(identified.sum()), merged, hubs.size, too_large.size, size)


def _roots(label: Ints) -> tuple[Ints, Ints]:
    """The different labels, sorted, and the place of each label among them."""
    is_root = np.zeros(int(label.max(initial=-1)) + 1, np.bool_)
    is_root[label] = True
    place = np.cumsum(is_root, dtype=np.int32) - 1
    return np.flatnonzero(is_root).astype(np.int32), place[label]


def join(seen: Seen, together: Pairs, limits: IdentitySettings) -> tuple[Ints, Ints, Ints]:
    """The label of each trace's customer (its smallest trace), the hubs cut off, the traces of what was too large."""
    size = int(seen.trace[-1]) + 1 if seen.trace.size else 0
    pairs, hubs = together, np.empty(0, np.int32)
    for _, matcher in MATCHERS:
        proposal = matcher(seen, pairs, limits)
        pairs, hubs = proposal.pairs, np.union1d(hubs, proposal.hubs).astype(np.int32)
    let_go: list[Ints] = []
    while True:
        label = components(size, pairs.low, pairs.high)
        pairs, gone = within_size(seen, pairs, label, limits)
        if not gone.size:
            break
        let_go.append(gone)
    return label, hubs, np.unique(np.concatenate(let_go)) if let_go else np.empty(0, np.int32)


def _person_kinds(seen: Seen) -> np.ndarray:
    from limner.core.normal import identifier_kind

    return np.asarray([identifier_kind(name).is_person for name in seen.kinds] or [False], bool)


def _numbers(stores: Stores, seen: Seen, roots: Ints, inverse: Ints, asof: datetime, now: datetime) -> tuple[Ints, int]:
    """The number of each root: the smallest one minted for any of its traces, or a new one for its smallest trace."""
    known = stores.lake.table(statement("limner.flow.identity", "mints.sql"))
    traces, minted = known["trace"].to_numpy(), known["number"].to_numpy()
    place, here = lookup(seen.trace, traces)
    owner, minted = inverse[place[here]], minted[here].astype(np.int64)
    none = np.iinfo(np.int64).max
    number = np.full(roots.size, none)
    np.minimum.at(number, owner, minted)
    merged = _record_merges(stores, number[owner], minted, asof, now)
    fresh = np.flatnonzero(number == none)
    if fresh.size:
        with stores.ledger.write() as connection:
            first = stores.ledger.take(connection, "number", fresh.size)
        number[fresh] = np.arange(first, first + fresh.size)
        rows = pa.table(
            {
                "trace": roots[fresh].astype(np.int32),
                "number": number[fresh].astype(np.int32),
                "happened_at": pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), fresh.size),
            }
        )
        stores.lake.append("mints", f"mints:{first}", rows)
    return number.astype(np.int32), merged


def _record_merges(stores: Stores, kept: np.ndarray, minted: np.ndarray, asof: datetime, now: datetime) -> int:
    """Write down which numbers are retired; the number of new merges."""
    retired = kept != minted
    pairs = sorted(set(zip(kept[retired].tolist(), minted[retired].tolist(), strict=True)))
    if not pairs:
        return 0
    row = tables.merges
    with stores.ledger.write() as connection:
        known = set(connection.execute(select(row.c.kept, row.c.retired)))
        fresh = [pair for pair in pairs if pair not in known]
        if fresh:
            first = stores.ledger.take(connection, "merge", len(fresh))
            connection.execute(
                insert(row),
                [
                    {"seq": first + i, "kept": k, "retired": r, "happened_at": now, "asof": asof, "reason": "linked"}
                    for i, (k, r) in enumerate(fresh)
                ],
            )
    return len(fresh)
