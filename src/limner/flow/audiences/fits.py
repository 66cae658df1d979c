"""What selectors have learned, kept from day to day: a fit stays in use until it is due to be learned again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Fit:
    """What was learned under a name from what was known at an asof: plain JSON values.

    A fit `by_content` is named by all it was learned from: it says the same whoever learns it and whenever, so a
    question keeps it too. Any other is kept by a run alone.
    """

    name: str
    asof: datetime
    body: Mapping[str, Any]
    by_content: bool = False


class Shelf(Protocol):
    """Where fits are kept."""

    def latest(self, name: str, asof: datetime) -> Fit | None:
        """The newest fit of a name learned at or before an asof."""
        ...

    def keep(self, fit: Fit) -> None:
        """Keep a fit; one of the same name and asof stays as it is."""
        ...


@dataclass(frozen=True, slots=True)
class OwnShelf:
    """Fits kept for as long as a question lasts, over another shelf that takes those kept by content and is else only
    read."""

    under: Shelf | None = None
    own: dict[tuple[str, datetime], Fit] = field(default_factory=dict)

    def latest(self, name: str, asof: datetime) -> Fit | None:
        """The newest of both shelves."""
        found = [fit for (kept, at), fit in self.own.items() if kept == name and at <= asof]
        below = self.under.latest(name, asof) if self.under else None
        return max([*found, *([below] if below else [])], key=lambda fit: fit.asof, default=None)

    def keep(self, fit: Fit) -> None:
        """Keep a fit here; one by content below."""
        if fit.by_content and self.under is not None:
            self.under.keep(fit)
        self.own.setdefault((fit.name, fit.asof), fit)
