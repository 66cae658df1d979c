"""The portrait of an audience: which answers are more, or less, frequent in it than in a base."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from limner.core.actor import Actor
from limner.core.ours import Property
from limner.core.rule import Rule, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.buckets import Buckets, buckets
from limner.flow.audiences.cells import table
from limner.flow.audiences.count import REACH
from limner.maths.tgi import Share, clear, tgi
from limner.store.gallery.bits import Words, count, unpack

MEANINGLESS: Final = ("address.", REACH)
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
) -> Portrait:
    """Compare an audience with a base (default: all living customers), answer by answer, within the actor's scope.

    Yes/no columns give two answers, text columns their 20 most frequent ones, numbers five buckets by quantiles of the
    base with equal values in one bucket. Instants, days, places and personal columns are left out. Nobody in the
    audience: no answers.
    """
    return portraits(ground, [asked], base, who=who, columns=columns, confidence=confidence)[0]


def portraits(
    ground: Ground,
    asked: Sequence[str | Rule],
    base: str | Rule | None = None,
    *,
    who: Actor,
    columns: Iterable[str] | None = None,
    confidence: float = 0.95,
) -> tuple[Portrait, ...]:
    """The portraits of several audiences against one base, whose answers are put into buckets once."""
    rules = [ground.rule(one) for one in asked]
    size = ground.version.size
    groups = [seen_by(who, ground.words(rule), size) for rule in rules]
    base_rule = None if base is None else ground.rule(base)
    whole = seen_by(who, ground.version.living_words if base_rule is None else ground.words(base_rule), size)
    against = [_Against(group, whole, size, confidence) for group in groups]
    found: list[list[tuple[Trait, float]]] = [[] for _ in groups]
    mask = unpack(whole, size)
    for name in columns if columns is not None else _columns(ground):
        told = buckets(ground.version.column(name), mask)
        for one, pairs in zip(against, found, strict=True):
            pairs.extend(one.traits(name, told) if told is not None else ())
    base_text = "everybody" if base is None else base if isinstance(base, str) else text(base)
    return tuple(
        Portrait(
            one if isinstance(one, str) else text(rule),
            base_text,
            ground.asof,
            count(group),
            count(whole),
            tuple(_ordered(_marked(pairs))),
            confidence,
        )
        for one, rule, group, pairs in zip(asked, rules, groups, found, strict=True)
    )


def _columns(ground: Ground) -> list[str]:
    personal = {name for name, declared in ground.definitions.of(Property).items() if declared.is_personal}
    return [
        name
        for name, header in ground.version.headers.items()
        if header.type not in ("instant", "day")
        and name not in personal
        and not name.startswith(MEANINGLESS)
        and not name.endswith((".lon", ".lat"))
    ]


class _Against:
    """A group and a base as masks over the customer numbers."""

    def __init__(self, group: Words, base: Words, size: int, confidence: float) -> None:
        self.confidence = confidence
        self._group, self._base, self._both = (unpack(words, size) for words in (group, base, group & base))

    def traits(self, column: str, found: Buckets) -> list[tuple[Trait, float]]:
        """Every answer of a column that the base gives, with its p-value."""
        group, base, both = (_tally(found, mask) for mask in (self._group, self._base, self._both))
        known = [int(tally.sum()) for tally in (group, base, both)]
        if not known[0]:
            return []
        kept = []
        for code in found.shown:
            shares = [Share(int(tally[code]), k) for tally, k in zip((group, base, both), known, strict=True)]
            kept.append(self._trait(column, found.labels[code], *shares))
        return kept

    def _trait(self, column: str, answer: str, group: Share, base: Share, both: Share) -> tuple[Trait, float]:
        index = tgi(group, base, both, self.confidence)
        trait = Trait(
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
        )
        return trait, index.p_value


def _marked(found: list[tuple[Trait, float]]) -> list[Trait]:
    """The traits, with those that stand out among all that are supported."""
    supported = [p for trait, p in found if trait.is_supported]
    is_clear = iter(clear(supported))
    return [replace(trait, is_clear=trait.is_supported and next(is_clear)) for trait, _ in found]


def _tally(found: Buckets, mask: np.ndarray) -> np.ndarray:
    rows = min(found.codes.size, mask.size)
    chosen = found.codes[:rows][mask[:rows]]
    return np.bincount(chosen[chosen >= 0], minlength=len(found.labels))


def _ordered(traits: list[Trait]) -> list[Trait]:
    return sorted(traits, key=lambda t: (not t.is_supported, -abs(t.tgi - 100), t.column, t.answer))


def _row(trait: Trait) -> list[str]:
    mark = "●" if trait.is_clear else "" if trait.is_supported else "too few"
    shares = [f"{trait.group_share:.1%}", f"{trait.base_share:.1%}"]
    return [f"{trait.column} = {trait.answer}", *shares, f"{trait.tgi:.0f}", _interval(trait), mark]


def _interval(trait: Trait) -> str:
    high = "∞" if trait.high == float("inf") else f"{trait.high:.0f}"
    return f"{trait.low:.0f} – {high}"
