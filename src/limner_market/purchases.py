"""When people bought in the past: days before now on which each person ordered, and the day each member joined.

The years behind are drawn so that they look like the years ahead: a loyal member orders about once a quarter, and
nobody who is asleep has ordered for half a year. Wavering members order by chance at the rate of their state; who has
not for half a year falls asleep, and who orders again wavers again. So the market stands still on the whole while its
members come and go, and what a model learns a month ago still holds today.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner_market.chance import Floats, Ints, generator
from limner_market.people import People
from limner_market.states import STATES, WINDOW, State

QUARTER = 91
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
    key = np.unique(day[kept] * len(people) + person[kept])
    return Purchases(key % len(people), key // len(people), now_day - 1 - joined.astype(np.int64))


def _several(rng: np.random.Generator, who: Ints, count: Ints, low: Floats, high: Floats) -> _Ages:
    """`count` ages for each of `who`, uniform between its own `low` and `high`."""
    row = np.repeat(np.arange(len(who)), count)
    return _Ages(who[row], low[row] + rng.random(len(row)) * np.maximum(high - low, 1.0)[row])


def _join(*parts: _Ages) -> _Ages:
    return _Ages(np.concatenate([p.person for p in parts]), np.concatenate([p.age for p in parts]))


def _loyal(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    since = rng.uniform(4 * QUARTER + 6, 1_600, len(who))
    quarters = int(span // QUARTER)
    age = (np.arange(quarters)[None, :] + rng.random((len(who), quarters))) * QUARTER
    kept = age < since[:, None]
    steady = _Ages(np.repeat(who, quarters)[kept.ravel()], age[kept])
    years = np.minimum(since, span) / 365.0
    extra = _several(
        rng, who, rng.poisson(0.35 * people.warmth[who] * years), np.zeros(len(who)), np.minimum(since, span)
    )
    return _join(steady, extra), since


def _sleeping(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    last = rng.uniform(SILENT, max(span - 60.0, SILENT + 30.0), len(who))
    end = np.minimum(last + 330.0, span)
    others = _several(rng, who, 1 + rng.poisson(0.6, len(who)), last + 2.0, end)
    since = np.where(rng.random(len(who)) < 0.5, end, end + rng.exponential(400.0, len(who)))
    return _join(_Ages(who, last), others), since + 1.0


def _wavering(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    """Orders by chance at the member's own rate, which falls to that of sleep after half a year without one."""
    warmth = people.warmth[who] / people.warmth[who].mean()
    rate, asleep = (-np.log(1.0 - STATES[s].base) / WINDOW * warmth for s in (State.WAVERING, State.SLEEPING))
    last = -np.log(1.0 - rng.random(len(who)) * (1.0 - np.exp(-rate * LATEST))) / rate
    gap = rng.exponential(1.0, (_ROUNDS, len(who)))
    days = np.where(gap < rate * SILENT, gap / rate, SILENT + (gap - rate * SILENT) / asleep)
    since = np.maximum(rng.uniform(150.0, 1_500.0, len(who)), last + 1.0)
    age = last + np.cumsum(days, axis=0)
    kept = age < np.minimum(since, span)
    earlier = _Ages(np.broadcast_to(who, age.shape)[kept], age[kept])
    return _join(_Ages(who, last), earlier), since


def _woken(rng: np.random.Generator, who: Ints, people: People, span: float) -> tuple[_Ages, Floats]:
    last = rng.uniform(0.0, LATEST, len(who))
    before = np.minimum(last + SILENT, span - 2.0)
    others = _several(rng, who, 2 + rng.poisson(0.4, len(who)), before, np.full(len(who), span))
    return _join(_Ages(who, last), others), np.full(len(who), span) + rng.exponential(300.0, len(who))


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
