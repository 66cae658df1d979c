"""Who lives in the market: members, guests who never joined and visitors without a name, with their hidden traits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limner_market.chance import Floats, generator
from limner_market.habits import SLOTS
from limner_market.items import wardrobe
from limner_market.places import read_shops
from limner_market.states import STATES, State

Small = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class People:
    """One row per person: `members` first, then guests, then visitors. None of these columns is in a file the shop has.

    `warmth` scales how often they buy, `browse` how often they look, `word_pull` and `coupon_pull` how far words
    and a coupon move them (all near one within a state); `thrift` is the chance that they buy at a discount.
    """

    members: int
    state: Small
    warmth: Floats
    browse: Floats
    word_pull: Floats
    coupon_pull: Floats
    thrift: Floats
    slot: Small
    shop: Small
    taste: Small
    counter: Floats
    has_mini: NDArray[np.bool_]
    has_wecom: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.state)

    def among(self, state: State) -> NDArray[np.int64]:
        """The numbers of all persons in a state, ascending."""
        return np.flatnonzero(self.state == int(state))


def make_people(seed: int, customers: int) -> People:
    """`customers` members with exact shares of each state, one guest per ten and one visitor per seven of them."""
    rng = generator(seed, "people")
    guests, visitors = customers // 10, customers // 7
    total = customers + guests + visitors
    state = np.empty(total, dtype=np.int8)
    state[:customers] = rng.permutation(_spread(customers))
    state[customers : customers + guests] = State.GUEST
    state[customers + guests :] = State.VISITOR
    traits = {name: np.array([getattr(s, name) for s in STATES], dtype=np.float64)[state] for name in _BY_STATE}
    shops = read_shops()
    at_counter = rng.random(total) < 0.19
    return People(
        members=customers,
        state=state,
        warmth=np.exp(rng.normal(0.0, 0.35, total) - 0.35**2 / 2),
        browse=rng.gamma(12.0, 1 / 12.0, total),
        word_pull=1.0 + traits["word_spread"] * np.clip(rng.normal(0.0, 1.0, total), -2.5, 2.5),
        coupon_pull=1.0 + traits["coupon_spread"] * np.clip(rng.normal(0.0, 1.0, total), -2.5, 2.5),
        thrift=np.clip(rng.beta(traits["thrift"] * 20, (1 - traits["thrift"]) * 20), 0.0, 1.0),
        slot=_slots(rng, traits["evening"]),
        shop=rng.choice(len(shops.code), total, p=shops.weight).astype(np.int8),
        taste=rng.choice(len(wardrobe()["categories"]), total, p=_tastes()).astype(np.int8),
        counter=np.where(at_counter, 0.72, 0.02) * (state != State.GUEST),
        has_mini=rng.random(total) < traits["mini"],
        has_wecom=rng.random(total) < traits["wecom"],
    )


_BY_STATE = ("word_spread", "coupon_spread", "thrift", "evening", "mini", "wecom")


def _spread(customers: int) -> Small:
    shares = np.array([s.share for s in STATES])
    counts = np.floor(shares * customers).astype(np.int64)
    counts[int(State.SLEEPING)] += customers - counts.sum()
    return np.repeat(np.arange(len(STATES)), counts).astype(np.int8)


def _slots(rng: np.random.Generator, evening: Floats) -> Small:
    luck = rng.random(len(evening))
    rest = (luck - evening) / (1 - evening)
    early = np.minimum((rest * (len(SLOTS) - 1)).astype(np.int8), len(SLOTS) - 2)
    return np.where(luck < evening, len(SLOTS) - 1, early).astype(np.int8)


def _tastes() -> Floats:
    share = np.array([row[1] for row in wardrobe()["categories"]], dtype=np.float64)
    return np.asarray(share / share.sum())
