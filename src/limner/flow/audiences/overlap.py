"""How far audiences share their customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from limner.core.actor import Actor
from limner.core.rule import Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import table
from limner.store.gallery.bits import count


@dataclass(frozen=True, slots=True)
class Overlap:
    """Customers in both audiences of every pair; the diagonal is each audience's own size."""

    asof: datetime
    names: tuple[str, ...]
    shared: tuple[tuple[int, ...], ...]

    def __repr__(self) -> str:
        places = range(len(self.names))
        rows = [[name, *(self._cell(i, j) for j in places)] for i, name in enumerate(self.names)]
        return table(["of ↓ also in →", *self.names], rows)

    def _cell(self, i: int, j: int) -> str:
        size, both = self.shared[i][i], self.shared[i][j]
        return f"{size:,}" if i == j else f"{both:,} ({both / size:.0%})" if size else "0"

    def share(self, i: int, j: int) -> float | None:
        """The part of audience i that is also in audience j; None when i is empty."""
        return self.shared[i][j] / self.shared[i][i] if self.shared[i][i] else None

    def jaccard(self, i: int, j: int) -> float | None:
        """Shared customers over those in either; None when both are empty."""
        either = self.shared[i][i] + self.shared[j][j] - self.shared[i][j]
        return self.shared[i][j] / either if either else None

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per ordered pair of different audiences."""
        pairs = [(i, j) for i in range(len(self.names)) for j in range(len(self.names)) if i != j]
        return [
            {
                "audience": self.names[i],
                "other": self.names[j],
                "customers": self.shared[i][i],
                "shared": self.shared[i][j],
                "share": self.share(i, j),
                "jaccard": self.jaccard(i, j),
            }
            for i, j in pairs
        ]


def overlap(ground: Ground, asked: Sequence[str | Rule], *, who: Actor) -> Overlap:
    """The overlap of every pair of rules or named audiences, within the actor's scope."""
    rules = [ground.rule(one) for one in asked]
    sets = [seen_by(who, ground.words(rule), ground.version.size) for rule in rules]
    shared = tuple(tuple(count(a & b) for b in sets) for a in sets)
    names = tuple(one if isinstance(one, str) else text(one) for one in asked)
    return Overlap(ground.asof, names, shared)
