"""What a question stands on: the published portrait, and the gate's ground over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from limner.core.errors import LimnerError, NotFound, unpacked, words
from limner.core.spans import parse_instant
from limner.store.ledger import views

if TYPE_CHECKING:
    from pyroaring import BitMap

    from limner.app.workspace import Workspace
    from limner.core.ours import Policy
    from limner.flow.decisions.candidates import Ground
    from limner.flow.decisions.consent_book import ConsentBook
    from limner.store.gallery import Version

NO_PORTRAIT = words(
    "portrait_missing", "Nothing has been built in this workspace yet. Run `limner collect`, then `limner run`."
)
NO_PORTRAIT_ASOF = words(
    "portrait_missing_asof", "Nothing has been built at {asof}. Run `limner run --asof {asof}` first."
)

PORTRAIT = "gallery"


@dataclass(frozen=True, slots=True)
class Portrait:
    """A published version of the gallery with the links it was built over, and the audiences it could not select."""

    version: Version
    links: str
    asof: datetime
    catalog_seq: int
    refused: Mapping[str, LimnerError] = field(default_factory=dict)


def portrait_of(shop: Workspace, asof: str | datetime | None = None) -> Portrait:
    """The newest portrait, or the one at an asof."""
    wanted = parse_instant(asof, shop.settings.zone) if isinstance(asof, str) else asof
    found = views.current(shop.stores.ledger, PORTRAIT, wanted)
    if found is None or found.asof is None:
        if asof is None:
            raise NotFound(NO_PORTRAIT)
        raise NotFound(NO_PORTRAIT_ASOF, asof=asof)
    links = str(found.body["links"])
    version = shop.stores.gallery.version(found.version).without(kept_apart(shop, links))
    return Portrait(version, links, found.asof, found.catalog_seq, refusals(found.body))


def refusals(body: Mapping[str, Any]) -> dict[str, LimnerError]:
    """The audiences a portrait could not select, and why; `body` is what was published of it."""
    found = {name: unpacked(text) for name, text in body.get("refused", {}).items()}
    return {name: why for name, why in found.items() if why is not None}


def kept_apart(shop: Workspace, links: str) -> BitMap:
    """The customers nobody may use now, by a version of the links; asked again when one is restricted or released."""
    from limner.app.privacy.rights import restricted_numbers
    from limner.store.ledger.restrictions import newest

    mark = (links, newest(shop.stores.ledger), shop.stores.lake.catalog.seq())
    if shop.apart is None or shop.apart[0] != mark:
        shop.apart = (mark, restricted_numbers(shop, links))
    return shop.apart[1]


def gate_ground(shop: Workspace, portrait: Portrait, policy: Policy, now: datetime) -> Ground:
    """What the gate asks: the portrait, the consents, and rules answered by the audiences station."""
    from limner.app.asking import rule_members
    from limner.flow.decisions.candidates import Ground

    return Ground(
        stores=shop.stores,
        version=portrait.version,
        policy=policy,
        book=book_of(shop, portrait.links),
        answer=lambda rule: rule_members(shop, rule, portrait),
        now=now,
    )


def book_of(shop: Workspace, links: str) -> ConsentBook:
    """The consents read through a version of the links; the book used last is kept open."""
    from limner.flow.decisions.consent_book import ConsentBook

    found = shop.books.get(links)
    if found is None:
        found = ConsentBook(shop.stores, links)
        shop.books.clear()
        shop.books[links] = found
    return found
