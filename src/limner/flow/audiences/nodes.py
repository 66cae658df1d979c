"""A rule part by part: the size of every node, and where people drop from one condition to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np

from limner.core.actor import Actor
from limner.core.rule import And, In, Not, Or, Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import shown, table
from limner.flow.audiences.small import told
from limner.store.gallery.bits import Words
from limner.store.gallery.bits import count as size_of

Kind = Literal["and", "or", "not", "leaf"]


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a rule: its place (0 is the root, 0.2 its third part), what it is, how many it holds for (None: too
    few to tell).

    `text` is that of a leaf; what a joint says is told by its parts.
    """

    path: str
    kind: Kind
    text: str
    count: int | None
    parts: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """The node and all under it, in the order they are read."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class Nodes:
    """The tree of a rule with a count at each node. `customers` are all the actor may see."""

    rule: str
    asof: datetime
    customers: int
    root: Node

    def __repr__(self) -> str:
        rows = [
            ["  " * node.path.count(".") + (node.text or node.kind), shown(node.count)] for node in self.root.walk()
        ]
        return table([self.rule, "customers"], rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per node."""
        return [{"path": n.path, "kind": n.kind, "text": n.text, "count": n.count} for n in self.root.walk()]


@dataclass(frozen=True, slots=True)
class Step:
    """One condition: how many it alone would leave, how many are left after it and those before it, how many of those
    dropped at it, and how many would be left if only it were taken out. None: too few to tell."""

    text: str
    alone: int | None
    left: int | None
    dropped: int | None
    without: int | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """Where people drop: the conditions of a rule in the order they are written, from all `customers` on."""

    rule: str
    asof: datetime
    customers: int
    steps: tuple[Step, ...]

    def __repr__(self) -> str:
        rows = [[s.text, *map(shown, (s.left, s.dropped, s.alone, s.without))] for s in self.steps]
        return table([f"of {self.customers:,}", "left", "dropped", "alone", "without it"], rows)

    def to_dicts(self) -> list[dict[str, object]]:
        """One row per condition."""
        return [{name: getattr(step, name) for name in Step.__slots__} for step in self.steps]


def nodes(ground: Ground, asked: str | Rule, *, who: Actor, least: int = 1) -> Nodes:
    """Count every node of a rule in one go, within the actor's scope. The name of an audience is opened to its rule.

    A node is not told that holds for fewer than `least`, or for so few more or fewer than the node above or everybody.
    """
    rule, said = opened(ground, asked)
    reading = _Reading(ground, who, least)
    root, _ = reading.node(rule, "0")
    root = reading.told(root, root.count or 0)
    return Nodes(said, ground.asof, reading.customers, root)


def funnel(ground: Ground, asked: str | Rule, *, who: Actor, least: int = 1) -> Funnel:
    """The conditions of a rule joined by `and`, one after the other. Any other rule is one condition.

    What would tell of fewer than `least` is not told, nor is a step at which so few dropped.
    """
    rule, said = opened(ground, asked)
    reading = _Reading(ground, who, least)
    parts = list(_conditions(rule))
    sets = [reading.words(part) for part in parts]
    after = [reading.living]
    for found in sets:
        after.append(after[-1] & found)
    behind = [reading.living]
    for found in reversed(sets):
        behind.append(behind[-1] & found)
    sizes = [size_of(one) for one in after]
    left: list[int | None] = [reading.customers]
    for size, before in zip(sizes[1:], sizes, strict=False):
        left.append(told(size, least, before, reading.customers))
    steps = tuple(
        Step(
            text(part),
            told(size_of(found), least, reading.customers, sizes[at + 1]),
            left[at + 1],
            None if left[at] is None or left[at + 1] is None else sizes[at] - sizes[at + 1],
            told(size_of(after[at] & behind[len(parts) - at - 1]), least, sizes[-1], reading.customers),
        )
        for at, (part, found) in enumerate(zip(parts, sets, strict=True))
    )
    return Funnel(said, ground.asof, reading.customers, steps)


def opened(ground: Ground, asked: str | Rule) -> tuple[Rule, str]:
    """The rule of a text, or of the audience it names unless that keeps its members; and how it was asked for."""
    rule = ground.rule(asked)
    said = asked if isinstance(asked, str) else text(rule)
    is_open = isinstance(rule, In) and rule.audience not in ground.frozen
    own = ground.rule_for(rule.audience) if isinstance(rule, In) and is_open else None
    return own or rule, said


def _conditions(rule: Rule) -> Iterator[Rule]:
    if isinstance(rule, And):
        for part in rule.parts:
            yield from _conditions(part)
    else:
        yield rule


class _Reading:
    """The sets of nodes, each made once of those of its parts."""

    def __init__(self, ground: Ground, who: Actor, least: int) -> None:
        self._ground, self._least = ground, least
        self.living = seen_by(who, ground.version.living_words, ground.version.size)
        self.customers = size_of(self.living)

    def words(self, rule: Rule) -> Words:
        """Whom of those the actor may see a rule holds for."""
        return self._ground.words(rule) & self.living

    def told(self, node: Node, above: int) -> Node:
        """The node and all under it with the counts that may be told; `above` is that of the node over it."""
        found = node.count or 0
        parts = tuple(self.told(part, found) for part in node.parts)
        return replace(node, count=told(found, self._least, above, self.customers), parts=parts)

    def node(self, rule: Rule, path: str) -> tuple[Node, Words]:
        """A node with its parts, and its set."""
        if not isinstance(rule, And | Or | Not):
            found = self.words(rule)
            return Node(path, "leaf", text(rule), size_of(found)), found
        below = (rule.part,) if isinstance(rule, Not) else rule.parts
        parts = [self.node(part, f"{path}.{at}") for at, part in enumerate(below)]
        found = self._joined(rule, [words for _, words in parts])
        kind: Kind = "and" if isinstance(rule, And) else "or" if isinstance(rule, Or) else "not"
        return Node(path, kind, "", size_of(found), tuple(node for node, _ in parts)), found

    def _joined(self, rule: And | Or | Not, sets: list[Words]) -> Words:
        if isinstance(rule, Not):
            return self.living & ~sets[0]
        join = np.bitwise_and if isinstance(rule, And) else np.bitwise_or
        found = sets[0].copy()
        for other in sets[1:]:
            join(found, other, out=found)
        return found
