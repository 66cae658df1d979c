"""How many: in all, identified, anonymous, and reachable on each channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from limner.core.actor import Actor
from limner.core.rule import Has, Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import table
from limner.store.gallery.bits import Words, blank
from limner.store.gallery.bits import count as size_of

REACH: Final = "reach."
"""Columns `reach.<channel>` say whether an address and a consent are there."""


@dataclass(frozen=True, slots=True)
class Count:
    """The size of an audience at an asof. `reachable` is by channel; a customer may count on several."""

    rule: str
    asof: datetime
    count: int
    identified: int
    anonymous: int
    reachable: Mapping[str, int]

    def __repr__(self) -> str:
        rows = [["customers", f"{self.count:,}"], ["  identified", f"{self.identified:,}"]]
        rows += [["  anonymous", f"{self.anonymous:,}"]]
        rows += [[f"  reachable by {name}", f"{size:,}"] for name, size in self.reachable.items()]
        return f"{table([self.rule, ''], rows)}\nas of {self.asof.isoformat()}"

    def to_dicts(self) -> list[dict[str, object]]:
        """One row."""
        plain: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return [plain | {"reachable": dict(self.reachable), "asof": self.asof.isoformat()}]


def count(ground: Ground, asked: str | Rule, *, who: Actor) -> Count:
    """Count a rule or a named audience, within the actor's scope."""
    rule = ground.rule(asked)
    found = seen_by(who, ground.words(rule), ground.version.size)
    total = size_of(found)
    identified = size_of(found & _yes(ground, "is_identified"))
    channels = [name for name in ground.version.headers if name.startswith(REACH)]
    reachable = {name.removeprefix(REACH): size_of(found & _yes(ground, name)) for name in channels}
    said = asked if isinstance(asked, str) else text(rule)
    return Count(said, ground.asof, total, identified, total - identified, reachable)


def _yes(ground: Ground, column: str) -> Words:
    return ground.words(Has(column)) if column in ground.version.headers else blank(ground.version.size)
