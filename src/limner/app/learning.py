"""Learning inside a run: models get the snapshots they train on, and write their scores into the draft."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.store.gallery import Draft


def learn_all(shop: Workspace, draft: Draft, asof: datetime, links: str) -> dict[str, str]:
    """Learn every model."""
    return {}
