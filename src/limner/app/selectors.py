"""Audiences that are learned: the shelf their fits stand on, and the questions about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from limner.app.grounds import portrait_of
from limner.app.privacy.purposes import bindings_in, draft_columns
from limner.core.definition import read
from limner.flow.audiences import small
from limner.flow.audiences.alike import Alike, alike
from limner.flow.audiences.clustered import Clusters, clusters
from limner.flow.audiences.fits import Fit, OwnShelf, Shelf
from limner.flow.audiences.paired import PairingOptions, Pairings, told
from limner.store.ledger import fits

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from limner.app.workspace import Workspace
    from limner.store.gallery import Version
    from limner.store.ledger import Ledger


KEPT_BY_CONTENT: Final = timedelta(days=30)
"""How long a fit is kept that is named by what it was learned from: facts change, and nobody asks for it again."""


@dataclass(frozen=True, slots=True)
class LedgerShelf:
    """Fits in the ledger. A run keeps its own there; a question those that are named by what they were learned from."""

    ledger: Ledger
    now: datetime

    def latest(self, name: str, asof: datetime) -> Fit | None:
        """The newest fit of a name learned at or before an asof."""
        found = fits.latest(self.ledger, name, asof)
        return None if found is None else Fit(name, *found)

    def keep(self, fit: Fit) -> None:
        """Keep a fit."""
        with self.ledger.write() as connection:
            if fit.by_content:
                fits.drop_before(connection, fit.name, self.now - KEPT_BY_CONTENT)
            fits.write(connection, fit.name, fit.asof, fit.body, self.now)


def shelf_of(shop: Workspace, *, is_run: bool) -> Shelf:
    """Where a run, or a question, finds and keeps what selectors learn."""
    kept = LedgerShelf(shop.stores.ledger, shop.clock())
    return kept if is_run else OwnShelf(kept)


def ask_of(shop: Workspace, links: str) -> Callable[[exp.Query], pa.Table]:
    """The lake, asked through a version of the links."""
    return partial(shop.stores.lake.table, versions={"links": links} if links else {})


def barred_from(shop: Workspace, version: Version, links: str, asof: datetime) -> frozenset[str]:
    """The columns that are bound to purposes: a selector reads them only where its audience names them; and those of
    drafts."""
    found = bindings_in(shop, version.headers, links, asof)
    bound = frozenset(name for name in version.headers if found.of(name)[1].purposes is not None)
    return bound | draft_columns(shop.definitions, version.headers)


def audience_clusters(shop: Workspace, audience: str, asof: str | datetime | None = None) -> Clusters:
    """All clusters an audience is one of: sizes, centres, stability. Refused where a cluster has too few to tell."""
    from limner.app.asking import ground_at

    found, least = portrait_of(shop, asof), shop.settings.privacy.least_group
    made = clusters(ground_at(shop, found.version, found.links, found.asof), audience, who=shop.who)
    small.enough([("cluster", one.customers) for one in made.clusters], least)
    return replace(made, unknown=small.told(made.unknown, least))


def audience_lookalike(shop: Workspace, audience: str, asof: str | datetime | None = None) -> Alike:
    """How an audience of look-alikes was made: what it was learned from, and how likeness falls as the reach grows.
    Refused where seeds or those chosen are too few to be told; shorter reaches than that are left out."""
    from limner.app.asking import ground_at

    found, least = portrait_of(shop, asof), shop.settings.privacy.least_group
    made = alike(ground_at(shop, found.version, found.links, found.asof), audience, who=shop.who)
    small.enough([("seeds", made.seeds), ("pool", made.pool), ("audience", made.chosen)], least)
    curve = tuple(point for point in made.curve if point.customers >= least)
    return replace(made, unreachable=small.told(made.unreachable, least), curve=curve)


def pairings(shop: Workspace, asof: str | datetime | None = None, *, limit: int = 50, **options: object) -> Pairings:
    """What is bought together, most telling first; at most `limit` pairings are told, 0 for all. Those of fewer baskets
    than the least group that is told of are left out."""
    from limner.app.asking import ground_at

    own = read(PairingOptions, {name: value for name, value in options.items() if value is not None}, "pairings")
    found = portrait_of(shop, asof)
    made = told(ground_at(shop, found.version, found.links, found.asof), own)
    least = shop.settings.privacy.least_group
    often = tuple(one for one in made.pairings if one.both >= least)
    return replace(made, pairings=often[: limit or None])
