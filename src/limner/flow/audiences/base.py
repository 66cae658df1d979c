"""The contract of a selector, and the ground every question about audiences stands on.

A selector answers who is in an audience. It is a function with a name; its options are the audience's own. The kinds
that ship are `rule` and `everyone`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from pyroaring import BitMap

from limner.core.actor import Actor
from limner.core.definition import as_mapping
from limner.core.errors import BadDefinition, words
from limner.core.ids import version as version_of
from limner.core.ours import Audience
from limner.core.registry import Registry
from limner.core.rule import In, Lexicon, Rule, from_json, leaves, parse, resolve
from limner.store.gallery.bits import Words, from_bitmap, to_bitmap
from limner.store.gallery.reader import Behaviour, LeafCache, NoBehaviour, evaluate
from limner.store.gallery.version import Version

if TYPE_CHECKING:
    from limner.store.definitions import Definitions

NO_RULE = words("audience_without_rule", "The audience {name!r} has the selector `rule` and no rule. Write one.")
IN_A_CIRCLE = words("audience_circle", "The audiences {names} select one another in a circle.")


class Selector(Protocol):
    """Who is in an audience, among the living customers of the ground's version."""

    def __call__(self, audience: Audience, ground: Ground) -> BitMap: ...


SELECTORS: Registry[Selector] = Registry("selector", "limner.flow.audiences.selectors", "limner.selectors")
"""All selectors: the modules of `selectors/`, and the entry points `limner.selectors`."""


def selector(name: str) -> Callable[[Selector], Selector]:
    """The decorator that names a selector: `@selector("rule")`."""
    return SELECTORS.kind(name)


@dataclass(frozen=True, slots=True)
class Ground:
    """A version of the gallery, the words a rule may use, and who answers Did and Sequence.

    `cache` keeps the sets of leaves between questions; share one among the grounds of a process.
    """

    version: Version
    definitions: Definitions
    lexicon: Lexicon
    asof: datetime
    behaviour: Behaviour = field(default_factory=NoBehaviour)
    cache: LeafCache = field(default_factory=LeafCache)
    threads: int = 2
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
                named = self.rule_for(leaf.audience) if isinstance(leaf, In) and leaf.audience not in found else None
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
        return evaluate(
            rule,
            self.version,
            behaviour=self.behaviour,
            audiences=self.members,
            cache=self.cache,
            threads=self.threads,
        )

    def members_of(self, asked: str | Rule) -> BitMap:
        """The living customers a rule, or the name of an audience, stands for."""
        return to_bitmap(self.words(self.rule(asked)))

    def members(self, audience: str) -> BitMap:
        """The members of an audience: those that stand in the version when its definition is the same, else anew."""
        if audience in self._members:
            return self._members[audience]
        definition = self.definitions.find(Audience, audience)
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
            if name not in seen:
                seen[name] = as_mapping(self.definitions.find(Audience, name))
                rule = self.rule_for(name)
                waiting += [leaf.audience for leaf in leaves(rule) if isinstance(leaf, In)] if rule else []
        return version_of(seen)


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
