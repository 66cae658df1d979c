"""The portrait of an audience: which answers are more, or less, frequent in it than in a base."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from limner.core.actor import Actor
from limner.core.ours import Property
from limner.core.rule import Compare, Has, Rule, leaves, text
from limner.flow.audiences.answers import Answers
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import table
from limner.flow.audiences.gathered import gather, sizes
from limner.flow.audiences.small import guarded, hidden
from limner.maths.tgi import Share, clear, tgi
from limner.store.gallery.bits import count
from limner.store.gallery.column import CONTACT

MEANINGLESS: Final = CONTACT
"""Columns that say how we reach a customer, not who it is."""


@dataclass(frozen=True, slots=True)
class Trait:
    """One answer: its share in group and base among those whose answer is known, and the TGI with its interval.

    `is_supported`: at least 30 known answers on both sides and five expected cases in the group. `is_clear`: supported,
    and it stands out among all answers compared, at a false discovery rate of 5 %.
    """

    column: str
    answer: str
    group: int
    group_share: float
    base: int
    base_share: float
    tgi: float
    low: float
    high: float
    is_supported: bool
    is_clear: bool = False
    rule: str = ""
    is_by_rule: bool = False

    def to_dict(self) -> dict[str, object]:
        """The fields; an open end is None."""
        plain: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"high": None if self.high == float("inf") else self.high}


@dataclass(frozen=True, slots=True)
class Portrait:
    """The answers that set an audience apart, farthest from 100 first, those the numbers cannot support last."""

    rule: str
    against: str
    asof: datetime
    group: int
    base: int
    traits: tuple[Trait, ...]
    confidence: float = 0.95

    def __repr__(self) -> str:
        rows = [_row(trait) for trait in self.traits[:30]]
        heads = [f"{self.rule} ({self.group:,})", "share", f"{self.against} ({self.base:,})", "TGI", "interval", ""]
        more = f"\n… {len(self.traits) - 30} more" if len(self.traits) > 30 else ""
        return table(heads, rows) + more

    def to_dicts(self, limit: int | None = None) -> list[dict[str, object]]:
        """One row per answer."""
        return [trait.to_dict() for trait in self.traits[:limit]]


def portrait(
    ground: Ground,
    asked: str | Rule,
    base: str | Rule | None = None,
    *,
    who: Actor,
    columns: Iterable[str] | None = None,
    confidence: float = 0.95,
    least: int = 1,
) -> Portrait:
    """Compare an audience with a base (default: all living customers), answer by answer, within the actor's scope.

    Yes/no columns give two answers, text columns their 20 most frequent ones, numbers five buckets by quintiles of all
    customers with equal values in one bucket. Instants, days, places and personal columns are left out. Nobody in the
    audience: no answers. Counts of fewer than `least` customers are not told, see `small`.
    """
    return portraits(ground, [asked], base, who=who, columns=columns, confidence=confidence, least=least)[0]


def portraits(
    ground: Ground,
    asked: Sequence[str | Rule],
    base: str | Rule | None = None,
    *,
    who: Actor,
    columns: Iterable[str] | None = None,
    confidence: float = 0.95,
    least: int = 1,
) -> tuple[Portrait, ...]:
    """The portraits of several audiences against one base, whose answers are counted once."""
    rules = [ground.rule(one) for one in asked]
    size, version = ground.version.size, ground.version
    base_rule = None if base is None else ground.rule(base)
    whole = seen_by(who, version.living_words if base_rule is None else ground.words(base_rule), size)
    groups = [seen_by(who, ground.words(rule), size) for rule in rules]
    boths = [group & whole for group in groups]
    for group, both in zip(groups, boths, strict=True):
        guarded(count(group), count(whole), count(both), least)
    seen = None if who.scope is None and columns is None else seen_by(who, version.living_words, size)
    gathered = gather(version, columns or columns_of(ground), base=seen, threads=ground.threads)
    of_whole, *others = sizes(gathered, [whole, *groups, *boths], version, ground.threads)
    against = "everybody" if base is None else base if isinstance(base, str) else text(base)
    made = []
    for place, (one, rule) in enumerate(zip(asked, rules, strict=True)):
        by_rule = asked_columns(ground, rule)
        pairs: list[tuple[Trait, float]] = []
        tallies = zip(gathered.answers, others[place], of_whole, others[len(rules) + place], strict=True)
        for answers, *told in tallies:
            pairs += _traits(answers, told, confidence, least, is_by_rule=answers.column in by_rule)
        said = one if isinstance(one, str) else text(rule)
        found = tuple(_ordered(marked(pairs)))
        made.append(Portrait(said, against, ground.asof, count(groups[place]), count(whole), found, confidence))
    return tuple(made)


def columns_of(ground: Ground) -> list[str]:
    """The columns a portrait compares: none that is personal, an instant, a day, a place, or a way to reach people."""
    personal = {name for name, declared in ground.definitions.of(Property).items() if declared.is_personal}
    return [
        name
        for name, header in ground.version.headers.items()
        if header.type not in ("instant", "day")
        and name not in personal
        and not name.startswith(MEANINGLESS)
        and not name.endswith((".lon", ".lat"))
    ]


def asked_columns(ground: Ground, rule: Rule) -> frozenset[str]:
    """The columns a rule asks for, and the audiences it names."""
    every = [rule, *ground.rules_under(rule).values()]
    return frozenset(leaf.tag for one in every for leaf in leaves(one) if isinstance(leaf, Compare | Has))


def _traits(
    answers: Answers, tallies: Sequence[Sequence[int]], confidence: float, least: int, *, is_by_rule: bool
) -> list[tuple[Trait, float]]:
    """Every answer of a column that the base gives, with its p-value; `tallies` of group, base and both."""
    (group, known), (base, of_base), (both, of_both) = (answers.counts(tally) for tally in tallies)
    if not known or sum(1 for cases in base if cases) < 2:
        return []
    untold = hidden(group, least) | hidden(base, least)
    made = []
    for place in sorted(range(len(base)), key=lambda i: -base[i]):
        if base[place] and place not in untold:
            shares = Share(group[place], known), Share(base[place], of_base), Share(both[place], of_both)
            said = answers.column, answers.labels[place], answers.rules[place]
            made.append(trait(*said, shares, confidence, is_by_rule=is_by_rule))
    return made


def trait(
    column: str,
    answer: str,
    rule: str,
    shares: tuple[Share, Share, Share],
    confidence: float = 0.95,
    *,
    is_by_rule: bool = False,
) -> tuple[Trait, float]:
    """An answer with its index, and the p-value of that; `shares` of group, base and both."""
    group, base, _ = shares
    index = tgi(*shares, confidence)
    found = Trait(
        column=column,
        answer=answer,
        group=group.cases,
        group_share=group.value,
        base=base.cases,
        base_share=base.value,
        tgi=index.tgi,
        low=index.low,
        high=index.high,
        is_supported=index.is_supported,
        rule=rule,
        is_by_rule=is_by_rule,
    )
    return found, index.p_value


def marked(found: list[tuple[Trait, float]]) -> list[Trait]:
    """The traits, with those that stand out among all that are supported."""
    supported = [p for trait, p in found if trait.is_supported]
    is_clear = iter(clear(supported))
    return [replace(one, is_clear=True) if one.is_supported and next(is_clear) else one for one, _ in found]


def _ordered(traits: list[Trait]) -> list[Trait]:
    return sorted(traits, key=lambda t: (not t.is_supported, -abs(t.tgi - 100), t.column, t.answer))


def _row(trait: Trait) -> list[str]:
    mark = "●" if trait.is_clear else "" if trait.is_supported else "too few"
    shares = [f"{trait.group_share:.1%}", f"{trait.base_share:.1%}"]
    return [f"{trait.column} = {trait.answer}", *shares, f"{trait.tgi:.0f}", _interval(trait), mark]


def _interval(trait: Trait) -> str:
    high = "∞" if trait.high == float("inf") else f"{trait.high:.0f}"
    return f"{trait.low:.0f} – {high}"
