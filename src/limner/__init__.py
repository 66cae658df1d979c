"""Limner: precision marketing that proves what it changed.

>>> import limner
>>> shop = limner.open("shop/")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

__version__ = "0.1.0"
__all__ = ["__version__", "open"]


def open(folder: str, **options: Any) -> Workspace:  # noqa: A001
    """Open a workspace: a folder with a limner.toml. Options are those of `Workspace`."""
    import limner.edge.report  # noqa: F401 - the writer of reports
    from limner.app.workspace import Workspace

    return Workspace(folder, **options)
