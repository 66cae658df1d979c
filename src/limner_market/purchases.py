"""When people bought in the past: days before now on which each person ordered, and the day each member joined.

The years behind are drawn so that they look like the years ahead: members order by chance at the rate of their
state, and nobody who is asleep has ordered for half a year. As many have woken since as will, and as many wavered then
as waver now. So the market stands still on the whole while its members come and go, and what a model learned a month
ago still holds today.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner_market.chance import Floats, Ints, generator
from limner_market.distinct import distinct
from limner_market.people import People
from limner_market.states import STATES, WINDOW, State

YEAR = 365.0
QUARTER = 90.0
SILENT = 186  # days; a sleeping member has been silent for longer than half a year
LATEST = 178.0  # days; a wavering or woken member has ordered since
_ROUNDS = 10  # orders of a wavering member that are drawn at most


@dataclass(frozen=True, slots=True)
class Purchases:
    """One row per past order, by ascending day, at most one per person and day; `joined` is a market day per member."""

    person: Ints
    day: Ints
    joined: Ints


@dataclass(frozen=True, slots=True)
class _Ages:
    person: Ints
    age: Floats


def make_purchases(seed: int, people: People, first_day: int, now_day: int) -> Purchases:
    """All past orders in market days [first_day, now_day)."""
    span = float(now_day - first_day)
    joined = np.zeros(people.members)
    parts = []
    for state, draw in _DRAWS.items():
        who = people.among(state)
        ages, since = draw(generator(seed, f"purchases/{state.name}"), who, people, span)
        parts.append(ages)
        if state != State.GUEST:
            joined[who] = since
    person = np.concatenate([p.person for p in parts])
    day = now_day - 1 - np.floor(np.concatenate([p.age for p in parts])).astype(np.int64)
    kept = day >= first_day
    key = distinct(day[kept] * len(people) + person[kept])
    return Purchases(key % len(people), key // len(people), now_day - 1 - joined.astype(np.int64))


def _several(rng: np.random.Generator, who: Ints, count: Ints, low: Floats, high: Floats) -> _Ages:
    """`count` ages for each of `who`, uniform between its own `low` and `high`."""
    row = np.repeat(np.arange(len(who)), count)
    return _Ages(who[row], low[row] + rng.random(len(row)) * np.maximum(high - low, 1.0)[row])


def _join(*parts: _Ages) -> _Ages:
    return _Ages(np.concatenate([p.person for p in parts]), np.concatenate([p.age for p in parts]))


def _loyal(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    """Orders by chance at the member's own rate; who is called loyal had ordered three times in the year, not counting
    the last quarter, which is left to chance alone."""
    since = rng.uniform(YEAR + 5, 1_600, len(who))
    rate = _daily(State.LOYAL) * people.warmth[who] / people.warmth[who].mean()
    old = np.minimum(since, span)
    quarter, year = np.full(len(who), QUARTER), np.full(len(who), YEAR)
    new = _several(rng, who, rng.poisson(rate * QUARTER), np.zeros(len(who)), quarter)
    count = 3 + rng.poisson(0.3, len(who))
    known = _several(rng, who, count, quarter, year)
    before = _several(rng, who, rng.poisson(rate * (old - YEAR)), year, old)
    last = np.minimum.reduceat(known.age, np.cumsum(count) - count)
    silent = (last > LATEST) & ~np.isin(who, new.person)  # a rule would find them asleep
    woke = _Ages(who[silent], rng.uniform(0.0, LATEST, int(silent.sum())))
    return _join(new, known, before, woke), since


def _sleeping(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    last = rng.uniform(SILENT, max(span - 60.0, SILENT + 30.0), len(who))
    end = np.minimum(last + 330.0, span)
    others = _several(rng, who, 1 + rng.poisson(0.6, len(who)), last + 2.0, end)
    since = np.where(rng.random(len(who)) < 0.5, end, end + rng.exponential(400.0, len(who)))
    return _join(_Ages(who, last), others), since + 1.0


def _wavering(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    """Orders by chance at the member's own rate, back to a gap that would have put the member to sleep: with the order
    after it the member joined."""
    rate = _daily(State.WAVERING) * people.warmth[who] / people.warmth[who].mean()
    gap = rng.exponential(1.0, (_ROUNDS, len(who))) / rate
    gap[0] = -np.log(1.0 - rng.random(len(who)) * (1.0 - np.exp(-rate * LATEST))) / rate
    awake = np.cumprod(gap <= LATEST, axis=0).astype(bool)
    age = np.cumsum(gap, axis=0)
    since = np.max(np.where(awake, age, 0.0), axis=0) + rng.random(len(who))
    kept = awake & (age < span)
    return _Ages(np.broadcast_to(who, age.shape)[kept], age[kept]), since


def _woken(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    """A silence, an order that ended it, and since then orders by chance."""
    first = rng.uniform(0.0, LATEST, len(who))
    again = _several(rng, who, rng.poisson(_daily(State.WOKEN) * first), np.zeros(len(who)), first)
    before = np.minimum(first + 240.0, span - 2.0)
    others = _several(rng, who, 2 + rng.poisson(0.6, len(who)), before, np.full(len(who), span))
    return _join(_Ages(who, first), again, others), np.full(len(who), span) + rng.exponential(300.0, len(who))


def _daily(state: State) -> float:
    """The mean chance a day to order by oneself, as a rate."""
    return float(-np.log(1.0 - STATES[state].base) / WINDOW)


def _fresh(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    since = rng.uniform(0.0, 120.0, len(who))
    count = (rng.random(len(who)) < 0.6).astype(np.int64)
    return _several(rng, who, count, np.zeros(len(who)), since), since


def _guests(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    count = 1 + rng.poisson(0.2, len(who))
    return _several(rng, who, count, np.zeros(len(who)), np.full(len(who), span)), np.zeros(len(who))


_DRAWS = {
    State.SLEEPING: _sleeping,
    State.LOYAL: _loyal,
    State.WAVERING: _wavering,
    State.WOKEN: _woken,
    State.FRESH: _fresh,
    State.GUEST: _guests,
}
