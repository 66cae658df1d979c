"""`privacy erase`: everything of a person goes, and a search of every store and file proves it.

The order: one transaction buries the identifiers, masks the person in every read and releases what waits to be sent;
then gallery, lake, ledger and lists are rewritten, the keys of the addresses destroyed, and everything is searched.
Cut off at any instant, the erasure goes on at the next `privacy erase`, `collect` or `run`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pyroaring import BitMap

from limner.app.auditing import note
from limner.app.privacy.lists import Listed, lists_with, strike
from limner.app.privacy.people import PACKAGE, Person, person_of
from limner.app.privacy.proof import Proof, prove
from limner.app.privacy.rights import held_by, need_personal
from limner.app.privacy.traces import Needles, needles
from limner.core.errors import BadInput, Refused, words
from limner.core.normal import without_addresses
from limner.flow.sources.sql_draw import clear_incoming
from limner.store.lake.erasing import counts
from limner.store.lake.leaving import changed_loads, lying_rows
from limner.store.ledger import erasures
from limner.store.ledger.erasures import Masked

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

HELD = words(
    "erase_held",
    "{customer} must be kept: {why}. Lift it with `limner privacy hold {customer} --lift` when the reason is gone; "
    "until then `limner privacy restrict` keeps the person out of everything.",
)
NOBODY_NAMED = words("erase_nobody", "Say who is to be erased: a customer id, or an identifier such as member_no:M1.")

_STEPS: Final = 5
_READ: Final = timedelta(minutes=10)
"""How long a file that was taken out of the lake may still be read."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What goes, or went: identifiers by kind, rows of lake and ledger by table, files, versions, addresses, lists.

    `lying` are files of the operator's own table that still hold the person, each with its rows counted from 1.

    With `is_dry` nothing has been done. `seconds` is the time until nothing could be read any more; the proof's own
    time stands beside it. `exit_code` is 1 when the proof found something.
    """

    customer_id: str
    is_dry: bool
    identifiers: Mapping[str, int] = field(default_factory=dict)
    lake: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    ledger: Mapping[str, int] = field(default_factory=dict)
    versions: int = 0
    addresses: int = 0
    lists: tuple[str, ...] = ()
    lying: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    erasure: int | None = None
    seconds: float = 0.0
    proof: Proof | None = None
    resumed: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when nothing is left."""
        return 1 if self.proof is not None and not self.proof.is_clean else 0


def erase(shop: Workspace, customer: str | None = None, *, yes: bool = False, why: str = "") -> Erased:
    """Say what would go; with `yes`, erase the person and prove it. Unfinished erasures are finished first.

    Refused while a hold says that the person must be kept.
    """
    need_personal(shop, "privacy erase")
    with shop.keeper(shop.clock(), "privacy erase"):
        resumed = finish_erasures(shop)
        if customer is None:
            if resumed:
                return replace(resumed[-1], resumed=tuple(one.customer_id for one in resumed))
            raise BadInput(NOBODY_NAMED)
        person = person_of(shop, customer)
        kept = held_by(shop, person.traces)
        if kept is not None:
            raise Refused(HELD, customer=person.customer_id, why=kept)
        masked = Masked(person.traces, person.numbers)
        done = _erased(shop, person, masked, why) if yes else _foreseen(shop, person, masked)
        return replace(done, resumed=tuple(one.customer_id for one in resumed))


def finish_erasures(shop: Workspace) -> tuple[Erased, ...]:
    """Finish the erasures that were begun and cut off; the lease of the keeper is held. None is the rule."""
    found = []
    for one in erasures.running(shop.stores.ledger):
        known = shop.stores.vault.addresses(one.masked.traces)
        sought = needles(((a.kind, a.raw) for a in known.values()), ())
        start = Erased(one.customer_id, is_dry=False, erasure=one.erasure)
        found.append(_go_through(shop, start, one.masked, sought, frozenset()))
    return tuple(found)


def _foreseen(shop: Workspace, person: Person, masked: Masked) -> Erased:
    """What would go."""
    stores = shop.stores
    hits, sought = stores.lake.hits(masked), _sought(shop, person)
    return Erased(
        person.customer_id,
        is_dry=True,
        identifiers=_by_kind(person),
        lake=counts(hits),
        files=len(hits),
        ledger=erasures.count_rows(stores.ledger, masked),
        versions=len(stores.gallery.versions()),
        addresses=len(stores.vault.addresses(masked.traces)),
        lists=tuple(str(one.path) for one in lists_with(shop, person.customer_id, sought)),
        lying=lying_rows(stores.lake, masked),
    )


def _erased(shop: Workspace, person: Person, masked: Masked, why: str) -> Erased:
    """Begin, and go through to the end."""
    began, sought = time.perf_counter(), _sought(shop, person)
    own = sought.shown() | _own_words(shop, person)
    marks = [(one.kind, one.hash) for one in person.identifiers]
    reason = without_addresses(why)
    who, now = shop.who.id, shop.clock()
    number = erasures.begin(shop.stores.ledger, person.customer_id, marks, masked, who=who, why=reason, now=now)
    start = Erased(person.customer_id, is_dry=False, identifiers=_by_kind(person), erasure=number)
    return _go_through(shop, start, masked, sought, own, began)


def _go_through(
    shop: Workspace, start: Erased, masked: Masked, sought: Needles, own: frozenset[str], began: float | None = None
) -> Erased:
    """Every step after the first; each may be done again."""
    stores, began = shop.stores, began if began is not None else time.perf_counter()
    stores.lake.catalog.sweep(stores.lake.folder, shop.clock() - _READ)
    stores.stream.sweep(before=float("inf"))  # what waits there still is refused by its tombstones when it comes in
    clear_incoming(shop.folder)  # rows of databases that a killed run left: they are drawn anew, and meet tombstones
    shop.tell(1, _STEPS, "gallery")
    stores.gallery.sweep()
    stores.stream.sweep(math.inf, 0)  # what is in the lake need not be looked at any more; what waits meets tombstones
    versions = stores.gallery.overwrite(BitMap(masked.numbers))
    shop.tell(2, _STEPS, "lake")
    lying = lying_rows(stores.lake, masked)
    lake = dict(stores.lake.erase(masked))
    blanked = stores.lake.blank("rejects", "value", own)
    shop.tell(3, _STEPS, "ledger")
    rows = erasures.scrub(stores.ledger, masked)
    lists = _strike(shop, start.customer_id, sought)
    shop.tell(4, _STEPS, "vault")
    addresses = stores.vault.destroy(masked.traces)
    if not stores.ledger.settle():
        stores.ledger.settle()
    done = replace(
        start,
        lake=lake | ({"rejects": blanked} if blanked else {}),
        ledger=rows,
        versions=versions,
        addresses=addresses,
        lists=lists,
        lying=lying,
        seconds=round(time.perf_counter() - began, 3),
    )
    proof = _proved(shop, masked, sought)
    _close(shop, done, proof)
    return replace(done, proof=proof)


def _proved(shop: Workspace, masked: Masked, sought: Needles) -> Proof:
    """The search; a ledger older than the wiping of deleted rows is written anew, and searched again."""
    proof = prove(shop, masked, sought)
    if any(found.place.endswith((".db", ".db-wal")) for found in proof.found):
        shop.stores.ledger.settle(is_whole=True)
        proof = prove(shop, masked, sought)
    return proof


def _close(shop: Workspace, done: Erased, proof: Proof) -> None:
    """The record that stays: what went and what the proof says, and nobody's name."""
    report: dict[str, Any] = {"lake": dict(done.lake), "ledger": dict(done.ledger), "addresses": done.addresses}
    report |= {"lying": {path: list(rows) for path, rows in done.lying.items()}} if done.lying else {}
    body = {"customer": done.customer_id, "identifiers": dict(done.identifiers), **report, "proof": asdict(proof)}
    note(shop, "privacy erase", body)
    if done.erasure is not None:
        erasures.finish(shop.stores.ledger, done.erasure, report, shop.clock())
    shop.books.clear()


def _sought(shop: Workspace, person: Person) -> Needles:
    known = shop.stores.vault.addresses(person.traces)
    marks = ((one.kind, one.hash) for one in person.identifiers)
    return needles(((address.kind, address.raw) for address in known.values()), marks)


def _own_words(shop: Workspace, person: Person) -> frozenset[str]:
    """The order numbers and sessions of a person, as rejects may show them."""
    import pyarrow as pa

    from limner.core.normal import masked as hidden
    from limner.store.lake.sql import statement

    asked = pa.table({"trace": pa.array(person.traces, pa.int32())})
    lake = shop.stores.lake.passing(changed_loads(shop.stores.lake))
    found = lake.table(statement(PACKAGE, "own.sql"), given={"asked": asked})["word"].to_pylist()
    return frozenset(found) | frozenset(hidden(word) for word in found)


def _by_kind(person: Person) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in person.identifiers:
        found[one.kind] = found.get(one.kind, 0) + 1
    return found


def _strike(shop: Workspace, customer_id: str, sought: Needles) -> tuple[str, ...]:
    struck: list[Listed] = list(lists_with(shop, customer_id, sought))
    for one in struck:
        strike(one, customer_id, sought)
    return tuple(str(one.path) for one in struck)
