"""Who puts a portrait into words: the doors name the one that does, as they name the writers of reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from limner.app.portraying.contents import Portrayed

Teller: TypeAlias = Callable[[Portrayed], tuple[str, ...]]

_TELLERS: list[Teller] = []


def teller(function: Teller) -> Teller:
    """The decorator that names the function which says a portrait in the portrait's own language."""
    _TELLERS[:] = [function]
    return function


def text_of(found: Portrayed) -> tuple[str, ...]:
    """The sentences of a portrait; none where no door has named a teller."""
    return _TELLERS[0](found) if _TELLERS else ()
