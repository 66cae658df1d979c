"""`report`: everything a director's page shows, gathered into one value; the doors say how it looks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from limner.app.reporting.contents import Report
from limner.app.reporting.writers import write, writer

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

__all__ = ["Report", "report", "write", "writer"]


def report(
    shop: Workspace, output: Path | None = None, lang: str | None = None, asof: str | datetime | None = None
) -> Report:
    """Gather the report at the newest portrait, or at an asof; with `output`, write it there too.

    Where nothing has been built yet, it is built first. A workspace without campaigns gets its reconciliation and the
    portrait of its base.
    """
    from limner.app.reporting.gather import gather

    return gather(shop, output, lang, asof)
