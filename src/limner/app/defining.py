"""`apply`, `diff`, `export`: the verbs over definitions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from limner.app import applying
from limner.app.applying import Changes

if TYPE_CHECKING:
    from limner.app.workspace import Workspace


def apply(shop: Workspace, folder: Path | None = None, *, ours: bool = False, theirs: bool = False) -> Changes:
    """Bring the folder's definitions into force; all or nothing."""
    from limner.app.checking import check_definitions

    side: applying.Side = "ours" if ours else "theirs" if theirs else ""
    changes = applying.apply(
        folder or shop.folder,
        shop.stores.ledger,
        who=shop.who,
        now=shop.clock(),
        check=lambda found: check_definitions(shop, found),
        side=side,
    )
    shop.declare()
    return changes


def diff(shop: Workspace, folder: Path | None = None) -> Changes:
    """What `apply` would change."""
    return applying.compare(folder or shop.folder, shop.stores.ledger)[0]


def export(shop: Workspace, folder: Path | None = None) -> tuple[str, ...]:
    """Write the definitions in force into a folder; the files written."""
    return applying.export(folder or shop.folder, shop.stores.ledger)
