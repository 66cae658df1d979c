"""What people do in the mini-program: pages, products, favourites, the cart. By far most of the events."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from limner_market.baskets import SPREAD
from limner_market.chance import Floats, Ints, generator, poisson, uniform
from limner_market.days import DAY
from limner_market.habits import opened, season, time_of_day
from limner_market.identifiers import renumber
from limner_market.people import Small
from limner_market.purchases import SILENT
from limner_market.states import STATES, State
from limner_market.world import World

EVENTS = ("page_view", "product_view", "favorite", "add_to_cart")
_ACTS = np.array([[0.30, 0.55, 0.05, 0.10], [0.10, 0.33, 0.48, 0.09]])  # usual, wavering
_VIEWS = np.array([s.views for s in STATES])
_MONTH = 30.0


@dataclass(frozen=True, slots=True)
class Clicks:
    """One row per act, by ascending second: who, what (index into EVENTS), item number (−1 for a page), visit
    number."""

    person: Ints
    second: Ints
    event: NDArray[np.int8]
    item: Ints
    visit: Ints

    def __len__(self) -> int:
        return len(self.person)

    def sorted(self) -> Clicks:
        """The same acts by time, ties by person."""
        place = np.lexsort((self.person, self.second))
        return Clicks(*(getattr(self, f.name)[place] for f in fields(self)))


def join_clicks(parts: list[Clicks]) -> Clicks:
    """All acts of `parts` by time."""
    return Clicks(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Clicks))).sorted()


def daily_rate(world: World, state: Small, day: int) -> Floats:
    """Expected acts of every person in `state` on a market day: nothing without the mini-program or before joining."""
    people = world.people
    rate = _VIEWS[state] * people.browse * people.has_mini / _MONTH
    rate[: people.members] *= world.purchases.joined <= day
    return np.asarray(rate * season(day) * opened((day - world.first_day) / (world.now_day - world.first_day)))


def state_on(world: World, day: int) -> Small:
    """The state every person was in on a market day before now: who sleeps now, or did then, wavered for half a year
    after each order."""
    bought, state = world.purchases, world.people.state.copy()
    last = np.full(len(state), -SILENT - 1)
    last[: world.people.members] = bought.joined
    before = slice(0, int(np.searchsorted(bought.day, day)))
    last[bought.person[before]] = bought.day[before]
    turns = (state == State.SLEEPING) | (state == State.WAVERING)
    state[turns] = np.where(day - last[turns] <= SILENT, State.WAVERING, State.SLEEPING)
    return state


def past_clicks(world: World, first: int, last: int) -> Clicks:
    """All acts in the market days [first, last) before now, drawn as one block per call: call it with whole periods
    only."""
    rng = generator(world.seed, f"clicks/{first}")
    middle = (first + last) // 2
    state = state_on(world, middle)
    count = rng.poisson(daily_rate(world, state, middle) * (last - first))
    person = np.repeat(np.arange(len(count)), count)
    day = first + (rng.random(len(person)) * (last - first)).astype(np.int64)
    day = np.maximum(day, _joined(world, person))
    draws = rng.random((5, len(person)))
    return _act(world, state, person, day, draws, rng.normal(0.0, SPREAD, len(person))).sorted()


def clicks_on(world: World, day: int) -> Clicks:
    """All acts of one market day from now on, drawn by (person, day): the same whoever was sent a message."""
    seed = world.seed
    everyone = np.arange(len(world.people))
    state = world.people.state
    count = poisson(daily_rate(world, state, day), uniform(seed, "clicks/count", everyone, day))
    person = np.repeat(everyone, count)
    nth = np.arange(len(person)) - np.repeat(np.cumsum(count) - count, count)
    draws = np.stack(
        [uniform(seed, f"clicks/{name}", person, day, nth) for name in ("act", "item", "hour", "fine", "worth")]
    )
    worth = (draws[4] - 0.5) * SPREAD * 3.46
    return _act(world, state, person, np.full(len(person), day), draws, worth).sorted()


def landing_clicks(world: World, person: Ints, second: Ints) -> Clicks:
    """One page view each for those who followed a message into the mini-program."""
    plain = np.zeros(len(person), dtype=np.int64)
    return Clicks(person, second, plain.astype(np.int8), plain - 1, _visits(person, second // DAY)).sorted()


def _act(world: World, states: Small, person: Ints, day: Ints, draws: Floats, worth: Floats) -> Clicks:
    people = world.people
    state = states[person]
    cumulative = np.cumsum(_ACTS, axis=1)[(state == State.WAVERING).astype(np.int64)]
    event = (draws[0][:, None] >= cumulative[:, :-1]).sum(axis=1).astype(np.int8)
    basket = np.array([s.basket for s in STATES])[state] * 100.0
    item = world.shelf(int(day[0]) if len(day) else world.now_day).pick(
        basket * np.exp(worth), people.taste[person].astype(np.int64), draws[1]
    )
    second = day * DAY + time_of_day(people.slot[person].astype(np.int64), draws[2], draws[3])
    return Clicks(person, second, event, np.where(event == 0, -1, item), _visits(person, day))


def _visits(person: Ints, day: Ints) -> Ints:
    return renumber(person, 29) * 100_000 + day


def _joined(world: World, person: Ints) -> Ints:
    members = world.people.members
    joined = np.append(world.purchases.joined, 0)
    return joined[np.minimum(person, members)]
