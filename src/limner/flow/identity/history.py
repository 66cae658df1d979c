"""Why somebody is one customer, and how it came to be: records, cuts, merges and partings; and taking them back."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from sqlalchemy import or_, select
from sqlglot import exp

from limner.core.actor import Actor
from limner.core.errors import BadInput, Clash, NotFound, words
from limner.flow.identity.base import Ints
from limner.flow.identity.named import PACKAGE, named_among
from limner.flow.identity.partings import Parting, read_partings, undo_parting, write_parting
from limner.flow.identity.review import accepted
from limner.maths.components import components
from limner.maths.lookup import lookup
from limner.store.definitions import load_kinds
from limner.store.lake.sql import statement
from limner.store.ledger import tables

if TYPE_CHECKING:
    from limner.store.stores import Stores

SPLIT_ALL = words(
    "split_all", "These are all the identifiers of customer {customer}: nothing would be left. Name only those that go."
)
NO_CHANGE = words(
    "identity_change_unknown",
    "There is no merge and no parting {seq}. `limner identity merges` lists them with their numbers.",
)
UNDONE = words(
    "identity_change_undone",
    "Number {seq} has been undone already. `limner identity merges` shows what holds.",
)


@dataclass(frozen=True, slots=True)
class Change:
    """A merge of two customers, or a parting an operator stated; `undone_at` when it no longer holds.

    Of a merge `number` was kept and `other` retired; of a parting `number` is the customer it was stated of.
    """

    seq: int
    what: str
    number: int
    other: int | None
    happened_at: datetime
    actor: str
    reason: str
    undone_at: datetime | None


def changes(stores: Stores, numbers: Collection[int] = (), limit: int | None = None) -> list[Change]:
    """Merges and partings, newest first: of these numbers, or all."""
    merge, parting = tables.merges.c, tables.partings.c
    asked = select(tables.merges).order_by(merge.seq.desc())
    said = select(tables.partings).order_by(parting.seq.desc())
    if numbers:
        wanted = sorted(numbers)
        asked = asked.where(or_(merge.kept.in_(wanted), merge.retired.in_(wanted)))
        said = said.where(parting.number.in_(wanted))
    with stores.ledger.read() as connection:
        merges = [_merged(row) for row in connection.execute(asked.limit(limit)).mappings()]
        partings = [_parted(row) for row in connection.execute(said.limit(limit)).mappings()]
    return sorted([*merges, *partings], key=lambda change: -change.seq)[:limit]


def _merged(row: Mapping[Any, Any]) -> Change:
    return Change(
        row["seq"], "merge", row["kept"], row["retired"], row["happened_at"], "", row["reason"], row["revived_at"]
    )


def _parted(row: Mapping[Any, Any]) -> Change:
    return Change(
        row["seq"], "parting", row["number"], None, row["happened_at"], row["actor"], row["reason"], row["undone_at"]
    )


def members(stores: Stores, number: int, links: str) -> Ints:
    """The traces of a customer in a version of the links, sorted."""
    given = {"wanted": pa.table({"number": pa.array([number], pa.int32())})}
    asked = statement(PACKAGE, "members.sql", wanted=exp.to_table("wanted"))
    found: Ints = stores.lake.table(asked, given=given, versions={"links": links})["trace"].to_numpy()
    return found


def stood(stores: Stores, traces: Ints, asof: datetime) -> list[dict[str, Any]]:
    """The records these traces stood in: trace, beside, kind, source, load, first_at, last_at."""
    return _among(stores, "stood.sql", traces, {}, asof=asof)


def cuts_of(stores: Stores, traces: Ints, links: str) -> list[dict[str, Any]]:
    """The pairs with one of these traces that join nobody: trace, beside, reason."""
    return _among(stores, "cuts_among.sql", traces, {"cuts": links})


def kinds_among(stores: Stores, traces: Ints, asof: datetime) -> dict[int, str]:
    """The kind of each trace that was seen."""
    rows = _among(stores, "kinds_among.sql", traces, {}, asof=asof)
    return {row["trace"]: row["kind"] for row in rows}


def numbers_of(stores: Stores, traces: Ints, links: str) -> dict[int, int]:
    """The customer number of each trace that has one."""
    rows = _among(stores, "numbers_of.sql", traces, {"links": links})
    return {row["trace"]: row["number"] for row in rows}


def _among(
    stores: Stores, file: str, traces: Ints, versions: Mapping[str, str], **given: object
) -> list[dict[str, Any]]:
    asked = statement(PACKAGE, file, wanted=exp.to_table("wanted"), **given)
    wanted = {"wanted": pa.table({"trace": np.asarray(traces, np.int32)})}
    found: list[dict[str, Any]] = stores.lake.table(asked, given=wanted, versions=versions).to_pylist()
    return found


def split(
    stores: Stores, new: Parting, *, customer: str, links: str, asof: datetime
) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """State that the traces of `new.apart` are not the customer `new.number`: the parting's number, and both sides.

    What hangs on the customer without them stays; what hangs on them alone goes with them. Raises BadInput when nothing
    would be left.
    """
    everyone = members(stores, new.number, links)
    is_apart = np.isin(everyone, np.asarray(new.apart, np.int32))
    if is_apart.all():
        raise BadInput(SPLIT_ALL, customer=customer)
    label = _without(stores, everyone, is_apart, links, asof)
    stays = label == label[_anchor(stores, everyone, is_apart, asof)]
    stays &= ~is_apart
    apart, kept = tuple(everyone[~stays].tolist()), tuple(everyone[stays].tolist())
    said = Parting(
        0, new.number, tuple(everyone[is_apart].tolist()), kept, new.happened_at, new.actor, new.reason, new.merge
    )
    return write_parting(stores.ledger, said, "identity split"), apart, kept


def _without(stores: Stores, everyone: Ints, is_apart: np.ndarray, links: str, asof: datetime) -> Ints:
    """What of a customer hangs together when some of its identifiers are taken out: a label each."""
    seen, together = named_among(stores, asof, load_kinds(stores.ledger), everyone)
    here = lookup(everyone, seen.trace)[1]
    cut = {(row["trace"], row["beside"]) for row in cuts_of(stores, everyone, links)}
    low, high = together.low, together.high
    inside = here[low] & here[high]
    alike = accepted(stores, asof)
    ends = np.concatenate([[seen.trace[low[inside]], seen.trace[high[inside]]], [alike.low, alike.high]], axis=1)
    ends = ends[:, np.isin(ends, everyone[~is_apart]).all(axis=0)]
    pairs = [(a, b) for a, b in ends.T.tolist() if (a, b) not in cut and (b, a) not in cut]
    left, right = np.asarray(pairs, np.int32).reshape(-1, 2).T
    return components(everyone.size, lookup(everyone, left)[0], lookup(everyone, right)[0])


def _anchor(stores: Stores, everyone: Ints, is_apart: np.ndarray, asof: datetime) -> int:
    """The place of the identifier that says who the customer is: the strongest of those that stay, then the oldest."""
    kinds, known = load_kinds(stores.ledger), kinds_among(stores, everyone, asof)
    rank = [kinds.of(known.get(trace, "")).rank for trace in everyone.tolist()]
    return min(np.flatnonzero(~is_apart).tolist(), key=lambda place: (rank[place], everyone[place]))


def undo(stores: Stores, seq: int, *, who: Actor, now: datetime) -> Change:
    """Take back a merge or a parting by its number; the change as it was. A merge is undone by a parting of what each
    side was before it; a parting by no longer holding. Raises NotFound, for numbers outside the actor's scope too, and
    Clash for what has been undone."""
    known = {one.seq: one for one in read_partings(stores.ledger, in_force=False)}
    if seq in known:
        parting = known[seq]
        _need_scope(who, parting.number, seq)
        if parting.undone_at is not None:
            raise Clash(UNDONE, seq=seq)
        undo_parting(stores.ledger, seq, who, now)
        return Change(seq, "parting", parting.number, None, parting.happened_at, parting.actor, parting.reason, now)
    row = tables.merges
    with stores.ledger.read() as connection:
        merge = connection.execute(select(row).where(row.c.seq == seq)).mappings().first()
    if merge is None:
        raise NotFound(NO_CHANGE, seq=seq)
    _need_scope(who, merge["kept"], seq)
    if merge["revived_at"] is not None or any(one.merge == seq and one.undone_at is None for one in known.values()):
        raise Clash(UNDONE, seq=seq)
    apart, kept = (tuple(json.loads(merge[side])) for side in ("retired_traces", "kept_traces"))
    write_parting(stores.ledger, Parting(0, merge["kept"], apart, kept, now, who.id, merge=seq), "identity undo")
    return replace(_merged(merge), undone_at=now)


def _need_scope(who: Actor, number: int, seq: int) -> None:
    if who.scope is not None and number not in who.scope:
        raise NotFound(NO_CHANGE, seq=seq)
