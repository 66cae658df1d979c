"""The contract of a selector, and the ground every question about audiences stands on.

A selector answers who is in an audience. It is a function with a name; its options are the audience's own. One that
reads columns or stands on other audiences has a method `reads` too, which says so and refuses options that are wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pyroaring import BitMap

from limner.core.actor import Actor
from limner.core.definition import as_mapping
from limner.core.errors import BadDefinition, words
from limner.core.ids import version as version_of
from limner.core.ours import Audience
from limner.core.registry import Registry
from limner.core.rule import (
    Aggregate,
    Compare,
    Did,
    Has,
    In,
    Lexicon,
    Near,
    Rule,
    Sample,
    Sequence,
    Top,
    from_json,
    leaves,
    parse,
    resolve,
)
from limner.flow.audiences.fits import OwnShelf, Shelf
from limner.store.gallery.bits import Words, from_bitmap, to_bitmap
from limner.store.gallery.leaf_cache import LeafCache, LeafSets
from limner.store.gallery.leaves import LeavesOf
from limner.store.gallery.reader import Behaviour, NoBehaviour, evaluate
from limner.store.gallery.version import Version

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

    from limner.store.definitions import Definitions

NO_RULE = words("audience_without_rule", "The audience {name!r} has the selector `rule` and no rule. Write one.")
IN_A_CIRCLE = words("audience_circle", "The audiences {names} select one another in a circle.")


class Selector(Protocol):
    """Who is in an audience, among the living customers of the ground's version."""

    def __call__(self, audience: Audience, ground: Ground) -> BitMap: ...


@dataclass(frozen=True, slots=True)
class Reads:
    """What an audience stands on beside its own definition: columns, and rules (of which the audiences count)."""

    columns: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()


@runtime_checkable
class Reader(Protocol):
    """A selector that says what it reads."""

    def reads(self, audience: Audience, definitions: Definitions, lexicon: Lexicon) -> Reads:
        """What an audience of this kind stands on; options that cannot be used are a BadDefinition."""
        ...


SELECTORS: Registry[Selector] = Registry("selector", "limner.flow.audiences.selectors", "limner.selectors")
"""All selectors: the modules of `selectors/`, and the entry points `limner.selectors`."""


def selector(name: str) -> Callable[[Selector], Selector]:
    """The decorator that names a selector: `@selector("rule")`."""
    return SELECTORS.kind(name)


@dataclass(frozen=True, slots=True)
class Ground:
    """A version of the gallery, the words a rule may use, and who answers what customers did.

    `cache` keeps the sets of leaves between questions; share one among the grounds of a process. `shelf` keeps what
    selectors learn, `ask` answers their questions to the lake through this ground's links, and `barred` are columns no
    selector reads unless its audience names them. `frozen` are the members kept of frozen audiences, by
    their numbers in this version.
    """

    version: Version
    definitions: Definitions
    lexicon: Lexicon
    asof: datetime
    behaviour: Behaviour = field(default_factory=NoBehaviour)
    cache: LeafSets = field(default_factory=LeafCache)
    threads: int = 2
    shelf: Shelf = field(default_factory=OwnShelf)
    ask: Callable[[exp.Query], pa.Table] | None = None
    barred: frozenset[str] = frozenset()
    frozen: Mapping[str, BitMap] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    _rules: dict[str, Rule | None] = field(default_factory=dict, repr=False)
    _members: dict[str, BitMap] = field(default_factory=dict, repr=False)
    _open: list[str] = field(default_factory=list, repr=False)

    def rule_for(self, audience: str) -> Rule | None:
        """The resolved rule of an audience; None for another selector."""
        if audience not in self._rules:
            definition = self.definitions.find(Audience, audience)
            self._rules[audience] = rule_of(definition, self.lexicon) if definition.selector == "rule" else None
        return self._rules[audience]

    def rules_under(self, rule: Rule) -> Mapping[str, Rule]:
        """The rules of the audiences a resolved rule names, and of those they name."""
        found: dict[str, Rule] = {}
        waiting = [rule]
        while waiting:
            for leaf in leaves(waiting.pop()):
                is_asked = isinstance(leaf, In) and leaf.audience not in found and leaf.audience not in self.frozen
                named = self.rule_for(leaf.audience) if isinstance(leaf, In) and is_asked else None
                if named is not None and isinstance(leaf, In):
                    found[leaf.audience] = named
                    waiting.append(named)
        return found

    def rule(self, asked: str | Rule) -> Rule:
        """The resolved rule of a text; the name of an audience stands for its members."""
        if isinstance(asked, Rule):
            return resolve(asked, self.lexicon)
        named = self.lexicon.words("audiences").get(asked.strip().casefold(), ())
        if len(named) == 1:
            return In(named[0].id)
        return resolve(parse(asked), self.lexicon, text=asked)

    def words(self, rule: Rule) -> Words:
        """The living customers a resolved rule holds for, as packed bits."""
        if not isinstance(self.cache, LeavesOf):
            return self._words(rule)
        said = (self.asof, str(self.lexicon.zone), self.behaviour.name)
        return self.cache.whole(rule, said, lambda: self._words(rule))

    def _words(self, rule: Rule) -> Words:
        return evaluate(
            rule,
            self.version,
            behaviour=self.behaviour,
            audiences=self.members,
            cache=self.cache,
            threads=self.threads,
            at=(self.asof, self.lexicon.zone),
        )

    def members_of(self, asked: str | Rule) -> BitMap:
        """The living customers a rule, or the name of an audience, stands for."""
        return to_bitmap(self.words(self.rule(asked)))

    def members(self, audience: str) -> BitMap:
        """The members of an audience: those that stand in the version when its definition is the same, else anew."""
        if audience in self._members:
            return self._members[audience]
        definition = self.definitions.find(Audience, audience)
        if definition.id in self.frozen:
            return self.frozen[definition.id] & self.version.living
        if self.version.has_members(definition.id, self.mark(definition.id)):
            return self.version.members(definition.id)
        if definition.id in self._open:
            raise BadDefinition(IN_A_CIRCLE, names=", ".join(self._open))
        self._open.append(definition.id)
        try:
            found = SELECTORS.find(definition.selector)(definition, self) & self.version.living
        finally:
            self._open.remove(definition.id)
        self._members[definition.id] = found
        return found

    def mark(self, audience: str) -> str:
        """What an audience is selected by: its definition and those of the audiences it names."""
        seen: dict[str, object] = {}
        waiting = [audience]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            definition = self.definitions.find(Audience, name)
            seen[name] = as_mapping(definition)
            if name in self.frozen:
                seen[name] = [seen[name], hashlib.sha256(self.frozen[name].serialize()).hexdigest()]
            else:
                waiting += audiences_in(self.reads(definition))
        return version_of(seen)

    def named_by(self, audience: str) -> tuple[str, ...]:
        """The audiences that an audience names."""
        return tuple(dict.fromkeys(audiences_in(self.reads(self.definitions.find(Audience, audience)))))

    def in_order(self) -> tuple[str, ...]:
        """All audiences, each after those it names; circles are an error."""
        found: dict[str, None] = {}

        def put(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise BadDefinition(IN_A_CIRCLE, names=", ".join(above))
            if name not in found:
                for other in () if name in self.frozen else self.named_by(name):
                    put(other, (*above, name))
                found[name] = None

        for name in sorted(self.definitions.of(Audience)):
            put(name, ())
        return tuple(found)

    def with_frozen(self, frozen: Mapping[str, BitMap]) -> Ground:
        """The same ground with other members kept of frozen audiences."""
        return replace(self, frozen=frozen, _rules={}, _members={}, _open=[])

    def reads(self, audience: Audience) -> Reads:
        """What an audience stands on."""
        return reads_of(audience, self.definitions, self.lexicon)


def reads_of(audience: Audience, definitions: Definitions, lexicon: Lexicon) -> Reads:
    """What an audience stands on, by its rule or by what its selector says; wrong options are a BadDefinition."""
    if audience.selector == "rule":
        rule = rule_of(audience, lexicon)
        return Reads(columns_of(rule), (rule,))
    kind = SELECTORS.find(audience.selector)
    return kind.reads(audience, definitions, lexicon) if isinstance(kind, Reader) else Reads()


def audiences_in(reads: Reads) -> list[str]:
    """The audiences that rules name."""
    return [leaf.audience for rule in reads.rules for leaf in leaves(rule) if isinstance(leaf, In)]


def columns_of(rule: Rule) -> frozenset[str]:
    """The columns the leaves of a rule read."""
    found: set[str] = set()
    for leaf in leaves(rule):
        match leaf:
            case Has(tag) | Compare(tag, _, _) | Top(tag, _, _):
                found.add(tag)
            case Near(_, _, tag):
                found |= {f"{tag}.lon", f"{tag}.lat"}
            case Did() | Aggregate() | Sequence() | In() | Sample():
                pass
    return frozenset(found)


def rule_of(audience: Audience, lexicon: Lexicon) -> Rule:
    """The resolved rule of an audience; circles are an error."""
    if not audience.rule:
        raise BadDefinition(NO_RULE, name=audience.id)
    if isinstance(audience.rule, str):
        return resolve(parse(audience.rule), lexicon, text=audience.rule, audience=audience.id)
    return resolve(from_json(audience.rule), lexicon, audience=audience.id)


def seen_by(who: Actor, found: Words, size: int) -> Words:
    """The members an actor may see: everyone, or those in the actor's scope."""
    if who.scope is None:
        return found
    if isinstance(who.scope, BitMap):
        return found & from_bitmap(who.scope, size)
    kept = BitMap([number for number in to_bitmap(found) if number in who.scope])
    return from_bitmap(kept, size)
