"""How many: in all, identified, anonymous, and reachable on each channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from limner.core.actor import Actor
from limner.core.rule import Has, Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import shown, table
from limner.flow.audiences.small import hidden, told
from limner.store.gallery.bits import Words, blank
from limner.store.gallery.bits import count as size_of

REACH: Final = "reach."
"""Columns `reach.<channel>` say whether an address and a consent are there."""


@dataclass(frozen=True, slots=True)
class Count:
    """The size of an audience at an asof. `reachable` is by channel; a customer may count on several. None: too few to
    tell."""

    rule: str
    asof: datetime
    count: int | None
    identified: int | None
    anonymous: int | None
    reachable: Mapping[str, int | None]

    def __repr__(self) -> str:
        rows = [["customers", shown(self.count)], ["  identified", shown(self.identified)]]
        rows += [["  anonymous", shown(self.anonymous)]]
        rows += [[f"  reachable by {name}", shown(size)] for name, size in self.reachable.items()]
        return f"{table([self.rule, ''], rows)}\nas of {self.asof.isoformat()}"

    def to_dicts(self) -> list[dict[str, object]]:
        """One row."""
        plain: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return [plain | {"reachable": dict(self.reachable), "asof": self.asof.isoformat()}]


def count(ground: Ground, asked: str | Rule, *, who: Actor, least: int = 1) -> Count:
    """Count a rule or a named audience, within the actor's scope. What tells of fewer than `least` is not told: an
    audience, who is left without it, or a part of it."""
    rule = ground.rule(asked)
    found = seen_by(who, ground.words(rule), ground.version.size)
    total, whole = size_of(found), size_of(seen_by(who, ground.version.living_words, ground.version.size))
    identified = size_of(found & _yes(ground, "is_identified"))
    channels = [name for name in ground.version.headers if name.startswith(REACH)]
    reachable = {name.removeprefix(REACH): size_of(found & _yes(ground, name)) for name in channels}
    said = asked if isinstance(asked, str) else text(rule)
    if told(total, least, whole) is None:
        return Count(said, ground.asof, None, None, None, dict.fromkeys(reachable))
    is_told = not hidden([identified, total - identified], least)
    reachable_told = {name: told(size, least, total) for name, size in reachable.items()}
    known, others = (identified, total - identified) if is_told else (None, None)
    return Count(said, ground.asof, total, known, others, reachable_told)


def _yes(ground: Ground, column: str) -> Words:
    return ground.words(Has(column)) if column in ground.version.headers else blank(ground.version.size)
