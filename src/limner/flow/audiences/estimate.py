"""About how many: a count over a part of the customers, with an interval, marked as what it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from pyroaring import BitMap

from limner.core.actor import Actor
from limner.core.rule import In, Rule, leaves, text
from limner.flow.audiences.base import Ground, seen_by
from limner.flow.audiences.cells import shown
from limner.flow.audiences.small import told
from limner.store.gallery.bits import count as size_of
from limner.store.gallery.leaf_cache import LeafCache
from limner.store.gallery.reader import Behaviour
from limner.store.gallery.sampled import RUN, Sampled, runs_of

RUNS: Final = 2_048
"""Runs of neighbours that are looked at: about 262,000 customers."""
_WORTH: Final = 4
"""With fewer than so many times the customers of a sample all are counted."""
_NORMAL: Final = 1.959964
_RULE_OF_THREE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how many, and between which bounds 95 of 100 such estimates hold the truth.

    `looked_at` are the customers looked at, of `customers`. `is_exact`: all were counted, and the bounds are the count.
    No count: too few to tell.
    """

    rule: str
    asof: datetime
    count: int | None
    low: int | None
    high: int | None
    looked_at: int
    customers: int
    is_exact: bool

    def __repr__(self) -> str:
        if self.is_exact:
            return f"{self.rule}: {shown(self.count)}"
        bounds = f"{shown(self.low)} – {shown(self.high)}"
        return f"{self.rule}: about {shown(self.count)} ({bounds}; {self.looked_at:,} looked at)"


def estimate(
    ground: Ground, asked: str | Rule, *, who: Actor, seed: int = 0, runs: int = RUNS, least: int = 1
) -> Estimate:
    """Estimate how many a rule holds for, from `runs` runs of 128 neighbours drawn without putting back.

    The variance is that between runs (Cochran, Sampling Techniques, 1977, ch. 9), so neighbours who are alike widen
    the interval as they should. Nobody found: at most what 3 in as many customers would be. Small galleries are
    counted whole, and so is what an actor of a narrow scope may see. Members of other audiences and behaviour are
    answered whole, and looked at in the runs only. Fewer than `least`, or so few left over, are not told.
    """
    rule, size = ground.rule(asked), ground.version.size
    said = asked if isinstance(asked, str) else text(rule)
    whole = runs_of(size)
    if whole < runs * _WORTH or who.scope is not None:
        exact = size_of(seen_by(who, ground.words(rule), size))
        living = size_of(seen_by(who, ground.version.living_words, size))
        known = told(exact, least, living)
        return Estimate(said, ground.asof, known, known, known, living, living, is_exact=True)
    drawn = np.sort(np.random.default_rng(seed).choice(whole, runs, replace=False))
    part = Sampled(ground.version, drawn)
    named = {leaf.audience for leaf in leaves(rule) if isinstance(leaf, In)}
    here = replace(
        ground,
        version=part,
        behaviour=_PartBehaviour(ground.behaviour, part),
        cache=LeafCache(),
        _members={name: part.members_of(ground.members(name)) for name in named},
    )
    found = here.words(rule)
    per_run = np.bitwise_count(found[: runs * (RUN // 64)].reshape(runs, -1)).sum(axis=1, dtype=np.int64)
    low, middle, high = _bounds(per_run, whole)
    living = size_of(ground.version.living_words)
    looked = size_of(part.living_words)
    if told(middle, least, living) is None:
        return Estimate(said, ground.asof, None, None, None, looked, living, is_exact=False)
    return Estimate(said, ground.asof, middle, low, min(high, living), looked, living, is_exact=False)


def _bounds(per_run: np.ndarray, whole: int) -> tuple[int, int, int]:
    """Low, middle and high of the total over `whole` runs."""
    runs, total = per_run.size, int(per_run.sum())
    if total == 0:
        return 0, 0, math.ceil(_RULE_OF_THREE * whole / runs)
    middle = whole * total / runs
    spread = math.sqrt((1 - runs / whole) * float(per_run.var(ddof=1)) / runs) * whole
    return max(total, math.floor(middle - _NORMAL * spread)), round(middle), math.ceil(middle + _NORMAL * spread)


@dataclass(frozen=True, slots=True)
class _PartBehaviour:
    """What the customers of the runs did."""

    whole: Behaviour
    part: Sampled

    @property
    def name(self) -> str:
        return f"{self.whole.name}|{self.part.name}"

    def __call__(self, leaf: Any) -> BitMap:
        return self.part.members_of(self.whole(leaf))
