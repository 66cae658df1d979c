"""`identity explain`, `split`, `undo`, `merges`: why somebody is one customer, and what an operator says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from limner.app.asking import UNKNOWN_CUSTOMER, number_of, shown_name
from limner.app.grounds import Portrait, portrait_of
from limner.core.errors import NotFound, Refused, words
from limner.core.ids import customer_id, identifier_hash
from limner.core.normal import identifier, without_addresses
from limner.flow.identity import history
from limner.flow.identity.history import Change
from limner.flow.identity.partings import Parting
from limner.store.definitions import load_kinds
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

NOT_THEIRS = words(
    "identifier_not_theirs",
    "Customer {customer} has no identifier {identifier}. `limner identity explain {customer}` lists theirs.",
)
NOT_IDENTITY = words(
    "identity_role_missing",
    "{actor} may not do {verb}: it says who is one customer, and needs the role `identity`.",
)


def need_identity(shop: Workspace, verb: str) -> None:
    """Refuse an actor without the role `identity`."""
    if not shop.who.may("identity"):
        raise Refused(NOT_IDENTITY, actor=shop.who.id, verb=verb)


@dataclass(frozen=True, slots=True)
class Held:
    """An identifier of a customer: its name here (kind#trace, never the address), its class, and when it was seen."""

    name: str
    kind: str
    strength: str
    first_at: datetime
    last_at: datetime
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tie:
    """A record that joined two identifiers: out of which load, and when it was seen first and last."""

    one: str
    other: str
    source: str
    load: int | None
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Untied:
    """Two identifiers that stood in one record, or were found alike, and yet join nobody; why; whose the other is."""

    one: str
    other: str
    reason: str
    customer: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A merge, or a parting that an operator stated, by its number: whose, when, and whether it still holds."""

    seq: int
    what: str
    customer: str
    other: str
    happened_at: datetime
    actor: str
    reason: str
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Why somebody is one customer: identifiers, what joined them, what was cut, and former numbers."""

    customer_id: str
    number: int
    asof: datetime
    identifiers: tuple[Held, ...]
    ties: tuple[Tie, ...]
    cuts: tuple[Untied, ...]
    history: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """What an operator has set apart: its number, the identifiers that go and those that stay, as of the next run."""

    seq: int
    customer: str
    apart: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undone:
    """The merge or parting that was taken back; the next run shows it."""

    change: Passage


def explain(shop: Workspace, customer: str, asof: str | datetime | None = None) -> Origin:
    """Why somebody is one customer, by the newest portrait or the one at an asof."""
    found, number = _asked(shop, customer, asof)
    stores = shop.stores
    traces = history.members(stores, number, found.links)
    own = set(traces.tolist())
    records = history.stood(stores, traces, found.asof)
    cuts = history.cuts_of(stores, traces, found.links)
    others = {row[end] for row in (*records, *cuts) for end in ("trace", "beside")}
    kinds = history.kinds_among(stores, np.asarray(sorted(others | own), np.int32), found.asof)
    owner = history.numbers_of(stores, np.asarray(sorted(others - own), np.int32), found.links)
    names = {trace: f"{kind}#{trace}" for trace, kind in kinds.items()}
    rules = load_kinds(stores.ledger)
    cut = {frozenset((row["trace"], row["beside"])) for row in cuts}
    ties = [
        Tie(names[row["trace"]], names[row["beside"]], row["source"], row["load"], row["first_at"], row["last_at"])
        for row in records
        if row["trace"] != row["beside"] and {row["trace"], row["beside"]} <= own
        and frozenset((row["trace"], row["beside"])) not in cut
    ]  # fmt: skip
    never = [
        {"trace": row["trace"], "beside": row["beside"], "reason": "never"}
        for row in records
        if row["trace"] != row["beside"] and not {row["trace"], row["beside"]} <= own
        and "never" in (rules.of(kinds[row["trace"]]).strength, rules.of(kinds.get(row["beside"], "")).strength)
    ]  # fmt: skip
    ids = {trace: customer_id(stores.hash_key, one) for trace, one in owner.items()}
    untied = dict.fromkeys(_untied(row, own, names, ids) for row in (*cuts, *never))
    return Origin(
        customer_id(stores.hash_key, number), number, found.asof,
        tuple(_held(trace, names[trace], kinds[trace], rules.of(kinds[trace]).strength, records)
              for trace in sorted(own, key=lambda t: (rules.of(kinds[t]).rank, t))),
        tuple(ties), tuple(untied), _passages(shop, history.changes(stores, [number])),
    )  # fmt: skip


def _held(trace: int, name: str, kind: str, strength: str, records: Sequence[dict[str, object]]) -> Held:
    mine = [row for row in records if trace in (row["trace"], row["beside"])]
    return Held(
        name,
        kind,
        strength,
        min(row["first_at"] for row in mine),  # type: ignore[type-var, arg-type]
        max(row["last_at"] for row in mine),  # type: ignore[type-var, arg-type]
        tuple(sorted({str(row["source"]) for row in mine})),
    )


def _untied(row: dict[str, object], own: set[int], names: dict[int, str], ids: dict[int, str]) -> Untied:
    """A cut, the customer's own identifier first."""
    one, other = int(str(row["trace"])), int(str(row["beside"]))
    if one not in own:
        one, other = other, one
    return Untied(names[one], names.get(other, f"#{other}"), str(row["reason"]), ids.get(other, ""))


def split(shop: Workspace, customer: str, *, apart: Sequence[str], reason: str | None = None) -> Split:
    """State that some identifiers are not this customer's. The next run parts them; the record of it stays."""
    need_identity(shop, "identity split")
    found, number = _asked(shop, customer)
    stores, name = shop.stores, customer_id(shop.stores.hash_key, number)
    traces = history.members(stores, number, found.links)
    kinds = history.kinds_among(stores, traces, found.asof)
    gone = tuple(_trace_of(shop, one, kinds, name) for one in apart)
    new = Parting(0, number, gone, (), shop.clock(), shop.who.id, without_addresses(reason or ""))
    seq, away, kept = history.split(stores, new, customer=name, links=found.links, asof=found.asof)
    return Split(seq, name, *(tuple(f"{kinds[t]}#{t}" for t in side) for side in (away, kept)))


def undo(shop: Workspace, seq: int) -> Undone:
    """Take back a merge or a parting by its number; the next run shows it, with the numbers of before."""
    need_identity(shop, "identity undo")
    return Undone(_passages(shop, [history.undo(shop.stores, seq, who=shop.who, now=shop.clock())])[0])


def merges(shop: Workspace, *, limit: int = 20) -> tuple[Passage, ...]:
    """Merges and partings, newest first."""
    return _passages(shop, history.changes(shop.stores, limit=limit))


def _asked(shop: Workspace, customer: str, asof: str | datetime | None = None) -> tuple[Portrait, int]:
    """The portrait, and the number of a customer in it, who must be in the operator's scope."""
    found, number = portrait_of(shop, asof), number_of(shop, customer)
    scope = shop.who.scope
    if number not in found.version.living or (scope is not None and number not in scope):
        raise NotFound(UNKNOWN_CUSTOMER, customer=shown_name(customer))
    return found, number


def _trace_of(shop: Workspace, said: str, kinds: dict[int, str], customer: str) -> int:
    """The trace of an identifier of a customer, said as kind#trace or as KIND:VALUE."""
    kind, sign, number = said.partition("#")
    if sign and number.isdecimal() and kinds.get(int(number)) == kind:
        return int(number)
    kind, colon, raw = said.partition(":")
    normal = identifier(kind, raw, load_kinds(shop.stores.ledger).of(kind)) if colon else None
    if normal is not None and normal.value:
        import pyarrow as pa

        hashed = identifier_hash(shop.stores.hash_key, normal.kind, normal.value)
        rows = shop.stores.lake.table(
            statement("limner.app", "trace_of.sql", kind=normal.kind),
            given={"asked": pa.table({"hash": pa.array([hashed], pa.binary())})},
        )
        found = [trace for trace in rows["trace"].to_pylist() if trace in kinds]
        if found:
            return int(found[0])
    raise NotFound(NOT_THEIRS, customer=customer, identifier=shown_name(said))


def _passages(shop: Workspace, found: Sequence[Change]) -> tuple[Passage, ...]:
    key, scope = shop.stores.hash_key, shop.who.scope
    return tuple(
        Passage(
            one.seq, one.what, customer_id(key, one.number),
            customer_id(key, one.other) if one.other is not None else "",
            one.happened_at, one.actor, one.reason, one.undone_at,
        )
        for one in found
        if scope is None or one.number in scope
    )  # fmt: skip
