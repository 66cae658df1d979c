"""Versions of the links that nothing needs any more: they leave the catalog, and their files go ten minutes later.

Who is who is needed by whatever was built over it: the published links, and every version of the gallery that stands
(portraits of other asofs, what models learn from, the basis of plans). Anything else is resolved again when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from limner.app.intake import READ
from limner.store.ledger import views

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

VIEWS: Final = ("links", "cuts")


def drop_former(shop: Workspace) -> int:
    """Drop the links nothing needs, and delete the files of the lake that nobody can be reading any more; how many
    versions. The lease of the keeper is held."""
    stores, now = shop.stores, shop.clock()
    published = views.current(stores.ledger, "lake:links")
    needed = {published.version} if published is not None else set()
    needed |= {str(stores.gallery.labels(name).get("links", "")) for name in stores.gallery.versions()}
    gone = [version for version in stores.lake.catalog.versions("links") if version not in needed]
    for version in gone:
        for view in VIEWS:
            stores.lake.drop(view, version, now=now)
    stores.lake.catalog.sweep(stores.lake.folder, now - READ)
    return len(gone)
