"""A small gate of its own for the estimator's tests: hold-outs planned as if they could be sent (CONTRACTS, hold-outs).

Written apart from flow/decisions on purpose: the estimator's promise is tested against the rule, not against the code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limner.maths.arms import combined, salt, shares
from limner.maths.lift import Estimate, mean, proportion
from limner.maths.sums import Sums

CAMPAIGN, UNIVERSAL = 0.10, 0.02
HELD = combined(CAMPAIGN, UNIVERSAL)


@dataclass(frozen=True, slots=True)
class Market:
    """Customers in value order: chance to convert untouched, what a touch costs, margin of an order."""

    base: npt.NDArray[np.float64]
    cost: npt.NDArray[np.float64]

    @classmethod
    def of(cls, n: int, rate: float, rng: np.random.Generator) -> Market:
        base = np.sort(rng.beta(2, 2 / rate - 2, n))[::-1]
        return cls(base, rng.choice([0.05, 0.10, 0.15], n))


def planned(held: npt.NDArray[np.bool_], used: npt.NDArray[np.float64], limit: float | None) -> npt.NDArray[np.bool_]:
    """Who is planned, in value order: against limit / (1 − share held out), then down until it fits."""
    if limit is None:
        return np.ones(held.size, np.bool_)
    virtual = np.cumsum(used) <= limit / (1 - HELD)
    return virtual & (np.cumsum(np.where(held, 0.0, used)) <= limit)


@dataclass(frozen=True, slots=True)
class Replicate:
    """One experiment: the two estimates and the truth behind them."""

    rate: Estimate
    money: Estimate
    rate_truth: float
    money_truth: float


def replicate(
    market: Market, seed: int, *, effect: float, capacity: int | None = None, budget: float | None = None
) -> Replicate:
    """Draw arms by salt, plan, let customers act, estimate. The effect is in points of share, for everybody.

    An order brings a margin of 20 to 180, a coupon of 10 is redeemed by treated buyers, a touch costs its price; at an
    effect of zero there is no coupon and no price, so that the money's truth is zero too.
    """
    rng = np.random.default_rng(seed)
    numbers = np.arange(market.base.size)
    held = shares(numbers, salt(f"a{seed}")) < CAMPAIGN
    held |= shares(numbers, salt(f"u{seed}")) < UNIVERSAL
    chosen = planned(held, np.ones(held.size), capacity) & planned(held, market.cost, budget)
    treated, control = chosen & ~held, chosen & held
    is_real = effect != 0
    bought = rng.random(held.size) < market.base + effect * treated
    margin = bought * rng.uniform(20, 180, held.size)
    price = np.where(treated, market.cost + 10 * bought, 0.0) * is_real
    money = np.round(margin - price, 2)
    truth = 100 * effect - is_real * (market.cost + 10 * (market.base + effect))[chosen].mean()
    return Replicate(
        proportion(_zeros_and_ones(bought[treated]), _zeros_and_ones(bought[control])),
        mean(_sums(money[treated]), _sums(money[control])),
        effect,
        truth,
    )


def _zeros_and_ones(values: npt.NDArray[np.bool_]) -> Sums:
    return Sums.given(values.size, int(values.sum()))


def _sums(values: npt.NDArray[np.float64]) -> Sums:
    whole = np.rint(values * 100).astype(np.int64)
    total, squares = int(whole.sum()), int((whole * whole).sum())
    return Sums.given(values.size, total / 100, squares / 10_000)
