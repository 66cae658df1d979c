"""Who is meant by a customer id or an identifier: every identifier and every number of that person."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limner.core.errors import NotFound
from limner.core.ids import customer_id, identifier_hash
from limner.core.kinds import identifier_kind
from limner.core.normal import identifier
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.app.workspace import Workspace

PACKAGE = "limner.app.privacy"


@dataclass(frozen=True, slots=True)
class Identified:
    """One identifier of a person: its trace, kind and keyed hash."""

    trace: int
    kind: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the stores know them.

    `number` is the customer's number, None for identifiers that came in after the last run; `numbers` also those that
    merges have retired. `identifiers` are those of the customer, and those that came in since and stood in a record
    with no one else's. `asked` is the trace the person was asked for by, if any.
    """

    customer_id: str
    number: int | None
    numbers: tuple[int, ...]
    identifiers: tuple[Identified, ...]
    asked: int | None = None

    @property
    def traces(self) -> tuple[int, ...]:
        """The traces of all identifiers."""
        return tuple(one.trace for one in self.identifiers)

    @property
    def strongest(self) -> Identified:
        """The identifier that was asked for, else the one that says most."""
        ordered = sorted(self.identifiers, key=lambda i: (i.trace != self.asked, identifier_kind(i.kind).rank, i.trace))
        return ordered[0]


def person_of(shop: Workspace, customer: str) -> Person:
    """The person of a customer id or of an identifier written KIND:VALUE; NotFound when nobody is, or out of scope."""
    from limner.app.asking import UNKNOWN_CUSTOMER, shown_name

    links = links_of(shop)
    asked, number = _asked(shop, customer, links)
    scope = shop.who.scope
    if scope is not None and (number is None or number not in scope):
        raise NotFound(UNKNOWN_CUSTOMER, customer=shown_name(customer))
    traces = _linked(shop, number, links) if number is not None else set()
    traces |= {asked} if asked is not None else set()
    if not traces:
        raise NotFound(UNKNOWN_CUSTOMER, customer=shown_name(customer))
    traces |= _since(shop, traces, links)
    known = _ask(shop, "hashes.sql", traces).to_pylist()
    minted = _ask(shop, "minted.sql", traces)["number"].to_pylist()
    numbers = sorted({*minted, *([] if number is None else [number])})
    name = customer_id(shop.stores.hash_key, number) if number is not None else shown_name(customer)
    identifiers = tuple(Identified(row["trace"], row["kind"], row["hash"]) for row in known)
    return Person(name, number, tuple(numbers), identifiers, asked)


def links_of(shop: Workspace) -> str:
    """The version of the links that is published; empty when nothing has been built."""
    from limner.app.grounds import portrait_of

    try:
        return portrait_of(shop).links
    except NotFound:
        return ""


def _asked(shop: Workspace, customer: str, links: str) -> tuple[int | None, int | None]:
    """The trace and the number of what was asked for."""
    from limner.app.asking import UNKNOWN_CUSTOMER, number_of, shown_name

    kind, colon, raw = customer.partition(":")
    if not colon:
        return None, number_of(shop, customer)
    normal = identifier(kind, raw)
    if normal.value:
        import pyarrow as pa

        hashed = identifier_hash(shop.stores.hash_key, normal.kind, normal.value)
        rows = shop.stores.lake.table(
            statement(PACKAGE, "named.sql", kind=normal.kind),
            given={"asked": pa.table({"hash": pa.array([hashed], pa.binary())})},
            versions={"links": links},
        ).to_pylist()
        if rows:
            return rows[0]["trace"], rows[0]["number"]
    raise NotFound(UNKNOWN_CUSTOMER, customer=shown_name(customer))


def _linked(shop: Workspace, number: int, links: str) -> set[int]:
    rows = shop.stores.lake.table(statement(PACKAGE, "linked.sql", number=number), versions={"links": links})
    return set(rows["trace"].to_pylist())


def _since(shop: Workspace, traces: Collection[int], links: str) -> set[int]:
    """Identifiers of no customer yet that stood with these and with nobody else: they came in after the last run, or
    are never a ground for a link."""
    own, new = set(traces), set(traces)
    while new:
        found = set(_ask(shop, "beside.sql", new, links)["trace"].to_pylist()) - own
        if not found:
            break
        shared = _ask(shop, "shared.sql", found, links, own=own | found)["trace"].to_pylist()
        new = found - set(shared)
        own |= new
    return own - set(traces)


def _ask(shop: Workspace, file: str, asked: Collection[int], links: str = "", own: Collection[int] = ()) -> pa.Table:
    import pyarrow as pa

    given = {"asked": pa.table({"trace": pa.array(sorted(asked), pa.int32())})}
    if own:
        given["own"] = pa.table({"trace": pa.array(sorted(own), pa.int32())})
    return shop.stores.lake.table(statement(PACKAGE, file), given=given, versions={"links": links})
