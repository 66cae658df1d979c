"""How far audiences share their customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from limner.core.actor import Actor
from limner.core.rule import Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import shown, table
from limner.flow.audiences.small import told
from limner.store.gallery.bits import count


@dataclass(frozen=True, slots=True)
class Overlap:
    """Customers in both audiences of every pair; the diagonal is each audience's own size. None: too few to tell."""

    asof: datetime
    names: tuple[str, ...]
    shared: tuple[tuple[int | None, ...], ...]

    def __repr__(self) -> str:
        places = range(len(self.names))
        rows = [[name, *(self._cell(i, j) for j in places)] for i, name in enumerate(self.names)]
        return table(["of ↓ also in →", *self.names], rows)

    def _cell(self, i: int, j: int) -> str:
        part = self.share(i, j)
        return shown(self.shared[i][j]) + ("" if i == j or part is None else f" ({part:.0%})")

    def share(self, i: int, j: int) -> float | None:
        """The part of audience i that is also in audience j; None when i is empty, or it may not be told."""
        size, both = self.shared[i][i], self.shared[i][j]
        return None if both is None or not size else both / size

    def jaccard(self, i: int, j: int) -> float | None:
        """Shared customers over those in either; None when both are empty, or it may not be told."""
        one, other, both = self.shared[i][i], self.shared[j][j], self.shared[i][j]
        if one is None or other is None or both is None or not one + other - both:
            return None
        return both / (one + other - both)

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


def overlap(ground: Ground, asked: Sequence[str | Rule], *, who: Actor, least: int = 1) -> Overlap:
    """The overlap of every pair of rules or named audiences, within the actor's scope. What tells of fewer than `least`
    is not told: an audience, what two share, or what one has beside the other."""
    rules = [ground.rule(one) for one in asked]
    sets = [seen_by(who, ground.words(rule), ground.version.size) for rule in rules]
    whole = count(seen_by(who, ground.version.living_words, ground.version.size))
    sizes = [count(one) for one in sets]
    shared = tuple(
        tuple(
            told(sizes[i], least, whole) if i == j else told(count(a & b), least, sizes[i], sizes[j])
            for j, b in enumerate(sets)
        )
        for i, a in enumerate(sets)
    )
    names = tuple(one if isinstance(one, str) else text(one) for one in asked)
    return Overlap(ground.asof, names, shared)
