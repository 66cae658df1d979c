"""The column reader of rules: a tree in, a set of customers out. The SQL reader in `store/lake` gives the same answers.

Every leaf becomes a set of packed bits, kept in a cache by (leaf, version); And, Or and Not are word-wise. A changed
condition of a rule costs its own leaf and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final, Protocol, TypeAlias

import numpy as np
from pyroaring import BitMap

from limner.core.errors import NotFound, words
from limner.core.rule.answers import dated, has_ago, holds_of_none
from limner.core.rule.tree import (
    Aggregate,
    And,
    Compare,
    Did,
    Has,
    In,
    Leaf,
    Near,
    Not,
    Or,
    Rule,
    Sample,
    Sequence,
    Top,
    leaves,
)
from limner.store.gallery.bits import Words, blank, fit, from_bitmap
from limner.store.gallery.compare import compared, drawn, near_point, topmost
from limner.store.gallery.joining import joined
from limner.store.gallery.leaf_cache import LeafCache, LeafSets
from limner.store.gallery.version import Version

NO_BEHAVIOUR = words("rule_needs_events", "The condition {leaf} asks for events, and no events are at hand here.")

_SMALL: Final = 1_000_000
_AT_ONCE: Final = 64
"""Leaves joined in one pass: of ten million customers their sets are 80 MB."""

Acted: TypeAlias = Did | Aggregate | Sequence


class Behaviour(Protocol):
    """Answers Did, Aggregate and Sequence. `name` says which events, up to which asof: leaves are cached under it.

    Of an aggregate that holds for who has no such event (`holds_of_none`), the answer is for whom it does not hold.
    """

    @property
    def name(self) -> str: ...
    def __call__(self, leaf: Acted) -> BitMap: ...


Members: TypeAlias = Callable[[str], BitMap]


@dataclass(frozen=True, slots=True)
class NoBehaviour:
    """Stands where no events are at hand: a rule that asks for one is an error."""

    name: str = ""

    def __call__(self, leaf: Acted) -> BitMap:
        from limner.core.rule.printer import text

        raise NotFound(NO_BEHAVIOUR, leaf=text(leaf))


def evaluate(
    rule: Rule,
    version: Version,
    *,
    behaviour: Behaviour | None = None,
    audiences: Members | None = None,
    cache: LeafSets | None = None,
    threads: int = 2,
    at: tuple[datetime, tzinfo] | None = None,
) -> Words:
    """The living customers a resolved rule holds for, as packed bits over the version's numbers.

    `behaviour` answers what customers did, `audiences` gives the members of In (default: those of the version), `at`
    is the asof and the zone that days told from the asof are counted by. Names are ids: resolve the rule first. A
    column the version lacks is NotFound.
    """
    reading = _Reading(
        version, behaviour or NoBehaviour(), audiences or version.members, LeafCache() if cache is None else cache, at
    )
    reading.prepare(rule, threads)
    return reading.words(rule)


@dataclass(frozen=True, slots=True)
class _Reading:
    version: Version
    behaviour: Behaviour
    audiences: Members
    cache: LeafSets
    at: tuple[datetime, tzinfo] | None = None

    def prepare(self, rule: Rule, threads: int) -> None:
        """Answer the column leaves that are not cached on several threads, when the columns are long."""
        todo = {self._dated(leaf) for leaf in leaves(rule) if isinstance(leaf, Has | Compare | Near | Top | Sample)}
        todo = {leaf for leaf in todo if self.cache.get(self._key(leaf)) is None}
        if len(todo) < 2 or threads < 2 or self.version.size < _SMALL:
            return
        with ThreadPoolExecutor(threads, "leaf") as pool:
            list(pool.map(self._leaf, sorted(todo, key=repr)))

    def words(self, rule: Rule) -> Words:
        """The living customers of a rule; of a wide one the sets of some leaves at a time stand beside the cache."""
        living = self.version.living_words
        match rule:
            case Not(part) if _is_wide(rule):
                return np.bitwise_and(living, ~self.words(part))
            case And(parts) | Or(parts) if _is_wide(rule):
                join = np.bitwise_and if isinstance(rule, And) else np.bitwise_or
                runs = _runs(parts)
                found = self.words(_one(type(rule), next(runs)))
                for run in runs:
                    join(found, self.words(_one(type(rule), run)), out=found)
                return found
            case _:
                return joined(rule, {leaf: self._leaf(self._dated(leaf)) for leaf in leaves(rule)}, living)

    def _key(self, leaf: Leaf) -> Hashable:
        name = self.behaviour.name if isinstance(leaf, Acted) else ""
        return self.version.folder, name, leaf

    def _dated(self, leaf: Leaf) -> Leaf:
        """A comparison with the days told from the asof put in."""
        if not isinstance(leaf, Compare) or self.at is None or not has_ago(leaf.value):
            return leaf
        type_ = self.version.column(leaf.tag).header.type
        return replace(leaf, value=dated(leaf.value, type_, *self.at))

    def _leaf(self, leaf: Leaf) -> Words:
        if isinstance(leaf, In):
            return from_bitmap(self.audiences(leaf.audience), self.version.size)
        found = self.cache.get(self._key(leaf))
        if found is None:
            found = self._answer(leaf)
            self.cache.put(self._key(leaf), found)
        return found

    def _answer(self, leaf: Leaf) -> Words:
        size = self.version.size
        match leaf:
            case Has(tag):
                column = self.version.column(tag)
                return column.yes(size) if column.header.type == "bool" else column.known(size)
            case Compare(tag, op, value):
                return compared(self.version.column(tag), op, value, size)
            case Near(point, radius, tag):
                lon, lat = (self.version.column(f"{tag}.{part}") for part in ("lon", "lat"))
                return near_point(lon, lat, (float(point[0]), float(point[1])), float(radius), size)
            case Did() | Aggregate() | Sequence():
                found = from_bitmap(self.behaviour(leaf), size)
                return ~found if isinstance(leaf, Aggregate) and holds_of_none(leaf) else found
            case Top(tag, share, is_bottom):
                living = self.version.living_words
                return topmost(self.version.column(tag), share, living, size, is_bottom=is_bottom)
            case Sample(share, salt):
                return drawn(share, salt, size)
            case In(audience):
                return from_bitmap(self.audiences(audience), size)
        return fit(blank(0), size)


def _is_wide(rule: Rule) -> bool:
    return sum(1 for _ in leaves(rule)) > _AT_ONCE


def _runs(parts: tuple[Rule, ...]) -> Iterator[tuple[Rule, ...]]:
    """The parts in runs of a bounded number of leaves; a part that is wider by itself is a run of its own."""
    run: list[Rule] = []
    width = 0
    for part in parts:
        own = sum(1 for _ in leaves(part))
        if run and width + own > _AT_ONCE:
            yield tuple(run)
            run, width = [], 0
        run.append(part)
        width += own
    yield tuple(run)


def _one(kind: type[And | Or], parts: tuple[Rule, ...]) -> Rule:
    return kind(parts) if len(parts) > 1 else parts[0]
