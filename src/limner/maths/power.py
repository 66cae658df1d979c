"""How small an effect two arms can show, and how many customers it takes to show one.

The normal form with pooled variance, two-sided (Fleiss, Levin, Paik 2003, section 4.2, without correction):
n per arm = 2 (z_a + z_b)^2 p(1 - p) / d^2, p the mean of the two rates. Error 5 % and power 80 % unless told otherwise.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from limner.core.errors import BadInput, words
from limner.maths.lift import Estimate

RATE_OUTSIDE = words("rate_outside", "A rate of {rate} is not a share; give a number from 0 to 1.")
EFFECT_ZERO = words("effect_zero", "No sample shows an effect of zero. Give the smallest effect that would matter.")

ALPHA: Final = 0.05
POWER: Final = 0.80
BEYOND: Final = 1_000_000_000
"""More customers than this is the same as never."""


def quantiles(alpha: float = ALPHA, power: float = POWER) -> float:
    """z(1 - alpha/2) + z(power): how many standard errors an effect must measure to be found.

    >>> round(quantiles(), 4)
    2.8016
    """
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)


def per_arm(base: float, effect: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Customers in each of two equal arms to find `effect` (in points of share) over a base rate.

    Rounded to the nearest customer, as the published tables are.

    >>> per_arm(0.05, 0.015), per_arm(0.11, 0.19)
    (3781, 71)
    """
    _check(base)
    _check(base + effect)
    if not effect:
        raise BadInput(EFFECT_ZERO)
    rate = base + effect / 2
    return round(2 * (quantiles(alpha, power) / effect) ** 2 * rate * (1 - rate))


def smallest_rate(base: float, treated: int, control: int, *, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest rise of a rate that two arms of these sizes find; infinite when no rise up to 1 can be found.

    >>> round(smallest_rate(0.05, 3781, 3781), 4), smallest_rate(0.05, 10, 0)
    (0.015, inf)
    """
    _check(base)
    if treated < 1 or control < 1:
        return math.inf
    z = quantiles(alpha, power)

    def short(effect: float) -> bool:
        rate = (treated * (base + effect) + control * base) / (treated + control)
        return effect < z * math.sqrt(rate * (1 - rate) * (1 / treated + 1 / control))

    low, high = 0.0, 1.0 - base
    if short(high):
        return math.inf
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if short(middle) else (low, middle)
    return high


def smallest_mean(deviation: float, treated: int, control: int, *, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest rise of a mean found, in the unit of `deviation`, the standard deviation of one customer.

    >>> round(smallest_mean(120.0, 18_000, 2_000), 2)
    7.92
    """
    if treated < 1 or control < 1:
        return math.inf
    return quantiles(alpha, power) * deviation * math.sqrt(1 / treated + 1 / control)


def more_customers(found: Estimate, customers: int, *, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """How many more customers, in the same shares of arms, would show an effect as large as the one seen.

    None when it is so small that no number of customers would (more than a billion); 0 when there are enough.

    >>> more_customers(Estimate(0.004, -0.004, 0.012, 0.33, 0.04, 0.036), 10_000)
    71729
    """
    if not found.estimate or not customers:
        return None
    wanted = customers * (quantiles(alpha, power) * found.error / found.estimate) ** 2
    return None if wanted > BEYOND else max(0, math.ceil(wanted) - customers)


def _check(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise BadInput(RATE_OUTSIDE, rate=rate)
