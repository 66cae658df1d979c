"""Ready audiences: loyal, core, target and potential customers, and whether buyers are mistaken for the target.

An audience says which of the four it is by `options: {ready: target}`. A customer belongs to one of them at most. Those
of target and potential have not bought yet: `buyers` is the rule of who has, and nobody it holds for is among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from limner.core.errors import LimnerError
from limner.core.ours import Audience
from limner.core.rule import Lexicon
from limner.flow.audiences.options import bad, rule_named
from limner.store.gallery.bits import count

if TYPE_CHECKING:
    from limner.flow.audiences.base import Ground

READY: Final = ("loyal", "core", "target", "potential")
BEFORE: Final = ("target", "potential")
"""Those who have not bought yet."""


@dataclass(frozen=True, slots=True)
class Mistaken:
    """Customers of an audience who should not be in it: how many of how many, and what they are besides: members of
    another ready audience, or buyers by a rule."""

    audience: str
    other: str
    customers: int
    of: int
    is_buyers: bool = False


def ready_problems(audience: Audience, lexicon: Lexicon) -> None:
    """Refuse options of a rule audience that say nothing: BadDefinition."""
    kind, buyers = audience.options.get("ready", ""), audience.options.get("buyers", "")
    for option, value in audience.options.items():
        if option not in {"ready", "buyers"}:
            raise bad(audience, option, value, "left out; known options: ready, buyers")
    if audience.options and kind not in READY:
        raise bad(audience, "ready", kind, "one of " + ", ".join(READY))
    if buyers:
        if kind not in BEFORE or not isinstance(buyers, str):
            raise bad(audience, "buyers", buyers, "a rule, of audiences that are " + " or ".join(BEFORE))
        rule_named(buyers, lexicon)


def mistaken(ground: Ground, known: Mapping[str, Audience]) -> Iterator[Mistaken]:
    """Who is in two ready audiences, and which buyers are in one of those who have not bought; nobody is not told."""
    ready = {name: one for name, one in known.items() if one.selector == "rule" and one.options.get("ready") in READY}
    members = {}
    for name in ready:
        try:
            members[name] = ground.words(ground.rule(name))
        except LimnerError:
            continue  # an audience that cannot be read is told of by the checks of definitions
    for one, other in combinations(members, 2):
        size = count(members[one] & members[other])
        if size:
            yield Mistaken(one, other, size, count(members[one]))
    for name, found in members.items():
        rule = str(ready[name].options.get("buyers", ""))
        size = count(found & ground.words(ground.rule(rule))) if rule else 0
        if size:
            yield Mistaken(name, rule, size, count(found), is_buyers=True)
