"""The column reader of rules: a tree in, a set of customers out. The SQL reader in `store/lake` gives the same answers.

Every leaf becomes a set of packed bits, kept in a cache by (leaf, version); And, Or and Not are word-wise. A changed
condition of a rule costs its own leaf and nothing else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from pyroaring import BitMap

from limner.core.errors import NotFound, words
from limner.core.rule.tree import And, Compare, Did, Has, In, Leaf, Near, Not, Or, Rule, Sequence, leaves
from limner.store.gallery.bits import Words, blank, fit, from_bitmap
from limner.store.gallery.compare import compared, near_point
from limner.store.gallery.version import Version

NO_BEHAVIOUR = words("rule_needs_events", "The condition {leaf} asks for events, and no events are at hand here.")

_SMALL: Final = 1_000_000


class Behaviour(Protocol):
    """Answers Did and Sequence. `name` says which events, up to which asof: leaves are cached under it."""

    @property
    def name(self) -> str: ...
    def __call__(self, leaf: Did | Sequence) -> BitMap: ...


Members: TypeAlias = Callable[[str], BitMap]


@dataclass(frozen=True, slots=True)
class NoBehaviour:
    """Stands where no events are at hand: a rule that asks for one is an error."""

    name: str = ""

    def __call__(self, leaf: Did | Sequence) -> BitMap:
        from limner.core.rule.printer import text

        raise NotFound(NO_BEHAVIOUR, leaf=text(leaf))


class LeafCache:
    """The sets of leaves lately asked for, at most `most` bytes of them; safe to share among threads."""

    def __init__(self, most: int = 256 << 20) -> None:
        self._most, self._held = most, 0
        self._kept: OrderedDict[Hashable, Words] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Words | None:
        """The set of a key, when it is kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, found: Words) -> None:
        """Keep a set; the oldest go when there is no room."""
        found.setflags(write=False)
        with self._lock:
            if key in self._kept or found.nbytes > self._most:
                return
            self._kept[key] = found
            self._held += found.nbytes
            while self._held > self._most:
                self._held -= self._kept.popitem(last=False)[1].nbytes

    def __len__(self) -> int:
        return len(self._kept)


def evaluate(
    rule: Rule,
    version: Version,
    *,
    behaviour: Behaviour | None = None,
    audiences: Members | None = None,
    cache: LeafCache | None = None,
    threads: int = 2,
) -> Words:
    """The living customers a resolved rule holds for, as packed bits over the version's numbers.

    `behaviour` answers Did and Sequence, `audiences` gives the members of In (default: those of the version). Names
    are ids: resolve the rule first. A column the version lacks is NotFound.
    """
    reading = _Reading(
        version, behaviour or NoBehaviour(), audiences or version.members, LeafCache() if cache is None else cache
    )
    reading.prepare(rule, threads)
    return reading.words(rule) & version.living_words


@dataclass(frozen=True, slots=True)
class _Reading:
    version: Version
    behaviour: Behaviour
    audiences: Members
    cache: LeafCache

    def prepare(self, rule: Rule, threads: int) -> None:
        """Answer the column leaves that are not cached on several threads, when the columns are long."""
        todo = {leaf for leaf in leaves(rule) if isinstance(leaf, Has | Compare | Near)}
        todo = {leaf for leaf in todo if self.cache.get(self._key(leaf)) is None}
        if len(todo) < 2 or threads < 2 or self.version.size < _SMALL:
            return
        with ThreadPoolExecutor(threads, "leaf") as pool:
            list(pool.map(self._leaf, sorted(todo, key=repr)))

    def words(self, rule: Rule) -> Words:
        match rule:
            case And(parts):
                found = self.words(parts[0]).copy()
                for part in parts[1:]:
                    found &= self.words(part)
                return found
            case Or(parts):
                found = self.words(parts[0]).copy()
                for part in parts[1:]:
                    found |= self.words(part)
                return found
            case Not(part):
                return self.version.living_words & ~self.words(part)
            case Has() | Compare() | Did() | Sequence() | In() | Near():
                return self._leaf(rule)
        raise TypeError(f"{rule!r} is not a rule")

    def _key(self, leaf: Leaf) -> Hashable:
        name = self.behaviour.name if isinstance(leaf, Did | Sequence) else ""
        return self.version.folder, name, leaf

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
            case Did() | Sequence():
                return from_bitmap(self.behaviour(leaf), size)
            case In(audience):
                return from_bitmap(self.audiences(audience), size)
        return fit(blank(0), size)
