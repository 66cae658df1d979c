"""Audiences in layers: a few for strategy, more for policies, many for tactics, down to one to one; as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from limner.core.actor import Actor
from limner.core.errors import BadDefinition, LimnerError, near, words
from limner.core.ours import Audience
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import shown, table
from limner.flow.audiences.small import told
from limner.store.gallery.bits import Words, count, from_bitmap

BAD_LAYER = words("audience_layer_unknown", "{place}: there is no layer {layer!r}. Write one of {known}.")
NO_PARENT = words("audience_parent_unknown", "{place}: the parent {parent!r} is no audience.")
BAD_PARENT = words(
    "audience_parent_layer",
    "{place}: its layer is {layer} and that of its parent {parent!r} is {above}; a parent stands in an earlier layer.",
)
PARENT_CIRCLE = words("audience_parent_circle", "{place}: it is above itself: {names}.")

LAYERS: Final[Mapping[str, tuple[int, int | None]]] = {
    "strategic": (6, 20),
    "policy": (15, 100),
    "tactical": (0, None),
    "single": (0, None),
}
"""The layers from above, and how many audiences each should have."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its audiences, how many there should be, the customers in at least one and in more than one (None: too
    few to tell)."""

    name: str
    audiences: int
    least: int
    most: int | None
    covered: int | None
    in_several: int | None

    @property
    def is_in_bounds(self) -> bool:
        """Whether it has as many audiences as it should."""
        return self.audiences >= self.least and (self.most is None or self.audiences <= self.most)


@dataclass(frozen=True, slots=True)
class Branch:
    """One audience of the tree: how many of its members are outside its parent, in at least one of its parts, and in
    more than one of them. None: too few to tell."""

    id: str
    name: str
    layer: str
    depth: int
    members: int | None
    outside: int | None
    covered: int | None
    in_several: int | None
    parts: int


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers that have audiences, and the tree, each audience before its parts."""

    asof: datetime
    customers: int | None
    layers: tuple[Layer, ...]
    branches: tuple[Branch, ...]

    def __repr__(self) -> str:
        rows = [
            ["  " * one.depth + one.id, one.layer, *map(shown, (one.members, one.outside, one.covered))]
            for one in self.branches
        ]
        return table(["audience", "layer", "members", "outside its parent", "in its parts"], rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per audience of the tree."""
        return [{name: getattr(one, name) for name in Branch.__slots__} for one in self.branches]


def layers(ground: Ground, *, who: Actor, least: int = 1) -> Layers:
    """How the audiences that name a layer or a parent cover the customers an actor may see, and one another.

    What tells of fewer than `least` is not told: an audience, what is left of its parent or of everybody without it,
    its parts beside it. What is covered, and what is covered more than once, add up to the audiences under it: where
    one of those is not told, neither are they.
    """
    known = ground.definitions.of(Audience)
    above = {one.parent for one in known.values()}
    placed = {name: one for name, one in known.items() if one.layer or one.parent or name in above}
    size = ground.version.size
    living = seen_by(who, ground.version.living_words, size)
    sets = {name: from_bitmap(ground.members(name), size) & living for name in placed}
    whole = count(living)
    branches = {name: _branch(placed, sets, one, whole, least) for name, one in placed.items()}
    found = []
    for name, (fewest, most) in LAYERS.items():
        mine = [key for key, one in placed.items() if one.layer == name]
        if mine:
            all_told = all(branches[key].members is not None for key in mine)
            covered = _told([sets[key] for key in mine], living, least if all_told else None)
            found.append(Layer(name, len(mine), fewest, most, *covered))
    ordered = (replace(_parted(placed, branches, one.id), depth=depth) for one, depth in _tree(placed))
    return Layers(ground.asof, told(whole, least), tuple(found), tuple(ordered))


def _tree(placed: Mapping[str, Audience], parent: str = "", depth: int = 0) -> Iterator[tuple[Audience, int]]:
    """The audiences under a parent, each before its parts; deeper than there are audiences there is a circle."""
    for name in sorted(placed):
        if placed[name].parent == parent and depth <= len(placed):
            yield placed[name], depth
            yield from _tree(placed, name, depth + 1)


def _branch(placed: Mapping[str, Audience], sets: Mapping[str, Words], one: Audience, whole: int, least: int) -> Branch:
    """An audience beside its parent and its parts; what its parts do not let be told is taken out by `_parted`."""
    own, above = sets[one.id], sets.get(one.parent)
    inside = count(own if above is None else own & above)
    total, around = count(own), whole if above is None else count(above)
    members = told(total, least, whole, *(() if above is None else (around,)))
    parts = [sets[name] & own for name, other in placed.items() if other.parent == one.id]
    covered = _told(parts, own, None if members is None else least)
    is_told = members is not None and told(inside, least, around, total) is not None
    outside = total - inside if is_told else None
    return Branch(one.id, one.name, one.layer, 0, members, outside, *covered, len(parts))


def _parted(placed: Mapping[str, Audience], branches: Mapping[str, Branch], name: str) -> Branch:
    """A branch, whose parts are told in all only where each of them is told by itself."""
    parts = (branches[key] for key, other in placed.items() if other.parent == name)
    if any(part.members is None or part.outside is None for part in parts):
        return replace(branches[name], covered=None, in_several=None)
    return branches[name]


def _told(sets: Sequence[Words], around: Words, least: int | None) -> tuple[int | None, int | None]:
    """How many are in at least one of the sets within another, and in more than one: both, or neither (None: what they
    are made of is not told)."""
    if least is None:
        return None, None
    any_, several = (count(found) for found in _covered(sets, around))
    whole = count(around)
    if told(any_, least, whole) is None or told(several, least, any_, whole) is None:
        return None, None
    return any_, several


def _covered(sets: Sequence[Words], around: Words) -> tuple[Words, Words]:
    """Who is in at least one of the sets within another, and who is in more than one."""
    any_, several = around & ~around, around & ~around
    for one in sets:
        several |= any_ & one
        any_ |= one
    return any_, several


def layer_problems(audiences: Mapping[str, Audience]) -> Iterator[LimnerError]:
    """What is wrong with the layers and parents of audiences."""
    order = list(LAYERS)
    for name, one in audiences.items():
        place, above = f"audiences/{name}", audiences.get(one.parent)
        if one.layer and one.layer not in LAYERS:
            known = ", ".join(order)
            yield BadDefinition(BAD_LAYER, near=near(one.layer, LAYERS), place=place, layer=one.layer, known=known)
        if one.parent and above is None:
            yield BadDefinition(NO_PARENT, near=near(one.parent, audiences), place=place, parent=one.parent)
        elif above is not None and _is_above(one.layer, above.layer, order):
            terms = {"layer": one.layer, "parent": one.parent, "above": above.layer}
            yield BadDefinition(BAD_PARENT, place=place, **terms)
        path = [name]
        while path[-1] in audiences and audiences[path[-1]].parent and len(path) <= len(audiences):
            path.append(audiences[path[-1]].parent)
            if path[-1] == name:
                yield BadDefinition(PARENT_CIRCLE, place=place, names=" → ".join(path))
                break


def _is_above(layer: str, other: str, order: Sequence[str]) -> bool:
    """Whether a layer stands where another does, or before it; a layer that is not named stands nowhere."""
    return layer in order and other in order and order.index(other) >= order.index(layer)
