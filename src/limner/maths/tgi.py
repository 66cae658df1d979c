"""TGI: 100 × share in a group / share in a base, with an interval that knows how far the two overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

LEAST_KNOWN: Final = 30
"""Fewer known answers than this in group or base support no index."""
LEAST_EXPECTED: Final = 5.0
"""Fewer expected cases than this in the group make the normal law a bad approximation."""


@dataclass(frozen=True, slots=True)
class Share:
    """Cases among those whose answer is known."""

    cases: int
    known: int

    @property
    def value(self) -> float:
        """The share; 0 of nobody."""
        return self.cases / self.known if self.known else 0.0


@dataclass(frozen=True, slots=True)
class Index:
    """A TGI with its interval. `p_value` is two-sided against 100; `is_supported` says the numbers can carry it."""

    tgi: float
    low: float
    high: float
    p_value: float
    is_supported: bool


def tgi(group: Share, base: Share, both: Share, confidence: float = 0.95) -> Index:
    """The index of a group against a base; `both` are the cases among customers who are in group and base.

    The interval is that of the log of a ratio of two shares (Katz, Baptista, Azen and Pike, Biometrics 34, 1978),
    with the covariance of overlapping samples taken off by the delta method: for a group inside its base the variance
    is (1 - p_g)/x_g + (1 - p_b)/x_b - 2 (1 - p_g)/(n_b p_b), and a base against itself is 100 without doubt. With no
    case in the group the index is 0, and the upper end is read with half a case more (Walter, Biometrika 62, 1975).
    Customers are taken as a sample of those the business could have; an empty base share gives 100 from 0 to infinity.

    >>> index = tgi(Share(60, 100), Share(300, 1000), Share(60, 100))
    >>> round(index.tgi), round(index.low), round(index.high)
    (200, 171, 234)
    """
    if not base.cases or not group.known:
        return Index(100.0, 0.0, math.inf, 1.0, is_supported=False)
    expected = group.known * base.value
    is_supported = min(group.known, base.known) >= LEAST_KNOWN and expected >= LEAST_EXPECTED
    if group == base == both:
        return Index(100.0, 100.0, 100.0, 1.0, is_supported)
    cases = group.cases or 0.5
    p_group, p_base = cases / group.known, base.value
    ratio = p_group / p_base
    variance = (1 - p_group) / cases + (1 - p_base) / base.cases
    variance -= 2 * both.known * both.value * (1 - both.value) / (group.known * base.known * p_group * p_base)
    error = math.sqrt(max(variance, 0.0))
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    distance = abs(math.log(ratio))
    p_value = 2 * NormalDist().cdf(-distance / error) if error > 0 else float(distance == 0)
    found = 100 * group.cases * base.known / (group.known * base.cases)
    low = 100 * ratio * math.exp(-reach) if group.cases else 0.0
    return Index(found, low, 100 * ratio * math.exp(reach), p_value, is_supported)


def clear(p_values: list[float], rate: float = 0.05) -> list[bool]:
    """Which of many comparisons stand out, at most `rate` of them falsely (Benjamini, Hochberg, JRSS B 57, 1995).

    >>> clear([0.001, 0.04, 0.5])
    [True, False, False]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    last = max((k for k, i in enumerate(order, 1) if p_values[i] <= rate * k / len(order)), default=0)
    chosen = set(order[:last])
    return [i in chosen for i in range(len(p_values))]
