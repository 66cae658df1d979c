"""Beliefs: what an operator holds true of an audience, held against its customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from limner.core.actor import Actor
from limner.core.rule import Compare, Has, Near, Rule, leaves, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.small import hidden
from limner.maths.proportion import wilson
from limner.maths.tgi import LEAST_KNOWN, Share, tgi
from limner.store.gallery.bits import Words, count

Verdict: TypeAlias = Literal["agrees", "disagrees", "cannot_tell"]

MOST_OF: Final = 0.5
"""A belief is of the audience when it holds for more than this share of it."""


@dataclass(frozen=True, slots=True)
class Belief:
    """A belief tested: for how many of those whose answer is known it holds, with an interval, and against a base.

    It agrees when the whole interval lies above `most`, disagrees when it lies below, and cannot be told else, nor on
    fewer than 30 known answers.
    """

    rule: str
    cases: int
    known: int
    customers: int
    share: float
    low: float
    high: float
    most: float
    verdict: Verdict
    base_share: float
    tgi: float
    tgi_low: float
    tgi_high: float


def beliefs(
    ground: Ground,
    group: Words,
    base: Words,
    stated: Sequence[str | Rule],
    *,
    who: Actor,
    most: float = MOST_OF,
    confidence: float = 0.95,
    least: int = 1,
) -> tuple[Belief, ...]:
    """Test each belief, a rule, on an audience; group and base are sets within the actor's scope."""
    found = []
    for one in stated:
        rule = ground.rule(one)
        holds = seen_by(who, ground.words(rule), ground.version.size)
        known = _known(ground, rule)
        shares = [Share(count(holds & known & part), count(known & part)) for part in (group, base, group & base)]
        found.append(_tested(text(rule), shares, count(group), most, confidence, least))
    return tuple(found)


def _tested(rule: str, shares: Sequence[Share], customers: int, most: float, confidence: float, least: int) -> Belief:
    group, base, both = shares
    if hidden([group.cases, group.known - group.cases], least) or hidden([base.cases, base.known - base.cases], least):
        group = base = both = Share(0, 0)
    low, high = wilson(group.cases, group.known, confidence)
    verdict: Verdict = "cannot_tell"
    if group.known >= LEAST_KNOWN:
        verdict = "agrees" if low > most else "disagrees" if high < most else "cannot_tell"
    index = tgi(group, base, both, confidence)
    return Belief(
        rule=rule,
        cases=group.cases,
        known=group.known,
        customers=customers,
        share=group.value,
        low=low,
        high=high,
        most=most,
        verdict=verdict,
        base_share=base.value,
        tgi=index.tgi,
        tgi_low=index.low,
        tgi_high=index.high,
    )


def _known(ground: Ground, rule: Rule) -> Words:
    """The living customers for whom every column a rule asks for has an answer."""
    found, size = ground.version.living_words.copy(), ground.version.size
    for leaf in leaves(rule):
        if isinstance(leaf, Compare | Has):
            found &= ground.version.column(leaf.tag).known(size)
        elif isinstance(leaf, Near):
            found &= ground.version.column(f"{leaf.tag}.lon").known(size)
    return found
