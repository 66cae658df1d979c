"""The one progress call: `tell(done, total, words)`."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[int, int, str], None]
"""Called with the units done, the units in all (0 when unknown) and a few words on what is being done."""


def silent(done: int, total: int, words: str) -> None:
    """Tell nobody."""
