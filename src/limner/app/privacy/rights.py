"""Keeping a person apart, and keeping a person at all: `privacy restrict` and `privacy hold`, and who may ask."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limner.app.auditing import note
from limner.app.privacy.people import PACKAGE, person_of
from limner.core.errors import BadInput, Refused, words
from limner.core.normal import without_addresses
from limner.store.ledger.restrictions import HELD, RESTRICTED, Kind, restricted, write

if TYPE_CHECKING:
    from pyroaring import BitMap

    from limner.app.workspace import Workspace

NOT_PERSONAL = words(
    "personal_role_missing",
    "{actor} may not do {verb}: it shows or changes personal facts, and needs the role `personal`.",
)
NO_REASON = words("right_without_reason", "Say why with --why: who asked for it and how. It is kept for the audit.")


@dataclass(frozen=True, slots=True)
class Kept:
    """What was written: a customer is kept apart (or held), or that was lifted; `was` says how it stood before."""

    customer_id: str
    kind: str
    is_on: bool
    was: bool
    identifiers: int


def need_personal(shop: Workspace, verb: str) -> None:
    """Refuse an actor without the role `personal`."""
    if not shop.who.may("personal"):
        raise Refused(NOT_PERSONAL, actor=shop.who.id, verb=verb)


def restrict(shop: Workspace, customer: str, *, why: str = "", lift: bool = False) -> Kept:
    """Keep a person out of audiences, decisions and models from now on, or lift that. Everything stored stays."""
    return _write(shop, customer, RESTRICTED, why, is_on=not lift)


def hold(shop: Workspace, customer: str, *, why: str = "", lift: bool = False) -> Kept:
    """Keep a person's facts although they ask to be erased or have grown old, because a law or a dispute demands it."""
    return _write(shop, customer, HELD, why, is_on=not lift)


def _write(shop: Workspace, customer: str, kind: Kind, why: str, *, is_on: bool) -> Kept:
    verb = "privacy restrict" if kind == RESTRICTED else "privacy hold"
    need_personal(shop, verb)
    reason = without_addresses(why).strip()
    if not reason:
        raise BadInput(NO_REASON)
    person, now = person_of(shop, customer), shop.clock()
    ledger, who = shop.stores.ledger, shop.who.id
    was = bool(restricted(ledger, kind, person.traces))
    with ledger.write() as connection:
        write(ledger, connection, kind, person.traces, is_on=is_on, actor=who, why=reason, happened_at=now)
    note(shop, verb, {"customer": person.customer_id, "is_on": is_on, "why": reason})
    return Kept(person.customer_id, kind, is_on, was, len(person.traces))


def held_by(shop: Workspace, traces: Collection[int]) -> str | None:
    """Why a person must be kept; None when nothing says so."""
    return next(iter(restricted(shop.stores.ledger, HELD, traces).values()), None)


def restricted_numbers(shop: Workspace, links: str) -> BitMap:
    """The customers who are kept apart now, by a version of the links: those of whom any identifier is restricted."""
    import pyarrow as pa
    from pyroaring import BitMap

    from limner.store.lake.sql import statement

    traces = sorted(restricted(shop.stores.ledger, RESTRICTED))
    if not traces:
        return BitMap()
    asked = {"asked": pa.table({"trace": pa.array(traces, pa.int32())})}
    found = shop.stores.lake.table(statement(PACKAGE, "numbers.sql"), given=asked, versions={"links": links})
    return BitMap(found["number"].to_pylist())
