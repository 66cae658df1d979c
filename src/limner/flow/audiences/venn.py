"""Two to four audiences cut into all their parts: who is in which of them, and in no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from limner.core.actor import Actor
from limner.core.errors import BadInput, words
from limner.core.rule import Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import table
from limner.flow.audiences.small import hidden
from limner.store.gallery.bits import count

TOO_MANY = words(
    "venn_sets", "A Venn diagram takes 2 to {bound} audiences, {count} were given. Use `audience overlap` for more."
)
MOST: Final = 4


@dataclass(frozen=True, slots=True)
class Region:
    """The customers in exactly these audiences (none: in no audience). No count: too few to tell."""

    inside: tuple[str, ...]
    count: int | None


@dataclass(frozen=True, slots=True)
class Venn:
    """All parts, those in most audiences last. The counts of the parts add up to all customers the actor may see."""

    asof: datetime
    names: tuple[str, ...]
    regions: tuple[Region, ...]

    def __repr__(self) -> str:
        told = ("–" if one.count is None else f"{one.count:,}" for one in self.regions)
        marks = (["●" if name in one.inside else "" for name in self.names] for one in self.regions)
        rows = [[*mark, number] for mark, number in zip(marks, told, strict=True)]
        return table([*self.names, "customers"], rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per part."""
        return [{"inside": list(one.inside), "count": one.count} for one in self.regions]


def venn(ground: Ground, asked: Sequence[str | Rule], *, who: Actor, least: int = 1) -> Venn:
    """Cut 2 to 4 rules or named audiences into their parts, within the actor's scope; parts of fewer than `least`
    customers are not told."""
    if not 2 <= len(asked) <= MOST:
        raise BadInput(TOO_MANY, bound=MOST, count=len(asked))
    size = ground.version.size
    living = seen_by(who, ground.version.living_words, size)
    sets = [seen_by(who, ground.words(ground.rule(one)), size) for one in asked]
    names = tuple(one if isinstance(one, str) else text(one) for one in asked)
    parts, counts = [], []
    for code in sorted(range(1 << len(sets)), key=lambda code: (code.bit_count(), code)):
        found = living
        for at, one in enumerate(sets):
            found = found & (one if code >> at & 1 else ~one)
        parts.append(tuple(name for at, name in enumerate(names) if code >> at & 1))
        counts.append(count(found))
    untold = hidden(counts, least)
    told = (None if at in untold else number for at, number in enumerate(counts))
    return Venn(ground.asof, names, tuple(Region(inside, number) for inside, number in zip(parts, told, strict=True)))
