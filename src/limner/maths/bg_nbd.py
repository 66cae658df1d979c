"""BG/NBD: how often customers buy, and whether they still do (Fader, Hardie and Lee 2005, Marketing Science 24).

While alive a customer buys at random at a rate of their own; after each purchase they leave with a chance of their own.
Rates are gamma (r, alpha), chances beta (a, b) over customers. Times are in weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from limner.maths.extras import need
from limner.maths.histories import WEEK, Floats, Histories
from limner.maths.likelihood import Peak, peak

NAMES = ("r", "alpha", "a", "b")
_NEAR = 1e-7


@dataclass(frozen=True, slots=True)
class BgNbd:
    """The four parameters; alpha in weeks."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, found: Histories) -> Floats:
        """The chance that a customer of each history has not left by their age, shape (n,); 1 without a repeat."""
        x = found.repeats
        later = np.maximum(self.b + x - 1, 1e-300)
        gap = np.log((self.alpha + found.age) / (self.alpha + found.last))
        odds = np.log(self.a) - np.log(later) + (self.r + x) * gap
        return np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700.0))), 1.0)

    def expected(self, found: Histories, weeks: float) -> Floats:
        """The purchases to be expected of each history in the next weeks, shape (n,)."""
        days = np.rint(found.age * WEEK).astype(np.int64)
        packed, place = np.unique((found.repeats.astype(np.int64) << 32) + days, return_inverse=True)
        age = (packed & 0xFFFFFFFF) / WEEK
        bought = self._bought((packed >> 32).astype(np.float64), age, np.full(age.shape, weeks))
        return np.asarray(bought[place] * self.alive(found))

    def repeats(self, weeks: npt.ArrayLike) -> Floats:
        """The repeat purchases to be expected of a customer within weeks of the first purchase, shape as given."""
        spans = np.asarray(weeks, np.float64)
        return self._bought(np.zeros(spans.shape), np.zeros(spans.shape), spans)

    def _bought(self, x: Floats, age: Floats, weeks: Floats) -> Floats:
        """Purchases in the next weeks of those who are alive.

        The published form multiplies a power that vanishes by a 2F1 that overflows; Euler's transformation puts both
        into (1 − z)^(a − 1) × 2F1 of small arguments.
        """
        a = self.a if abs(self.a - 1) > _NEAR else 1 + _NEAR
        over = a + self.b + x - 1
        over = np.where(np.abs(over) > _NEAR, over, _NEAR)
        z = weeks / (self.alpha + age + weeks)
        share = need("scipy.special", extra="ml").hyp2f1(a - 1, a + self.b - 1 - self.r, over, z)
        return np.asarray(over / (a - 1) * (1 - (1 - z) ** (a - 1) * share))


def fit(found: Histories) -> tuple[BgNbd, Peak]:
    """The parameters under which these histories are likeliest, and how well they are known."""
    slope = _Slope(found)
    start = np.array([0.5, max(1.0, float(np.median(found.age)) / 4), 1.0, 2.0])
    top = peak(slope, start, rows=found.total, model="BG/NBD")
    return BgNbd(*top.values), top


class _Slope:
    """The mean log-likelihood and its gradient; what hangs on one column alone is worked out once per value of it."""

    def __init__(self, found: Histories) -> None:
        self.special: Any = need("scipy.special", extra="ml")
        self.share = found.customers / found.total
        self.x, self.of_x = np.unique(found.repeats, return_inverse=True)
        self.last, self.of_last = np.unique(found.last, return_inverse=True)
        self.age, self.of_age = np.unique(found.age, return_inverse=True)
        self.by_x = np.bincount(self.of_x, self.share, len(self.x))

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = (float(value) for value in values)
        x, log, psi = self.x, self.special.gammaln, self.special.digamma
        of_x = log(r + x) - log(r) + r * np.log(alpha) + log(b + x) + log(a + b) - log(a + b + x) - log(b)
        left = np.where(x > 0, np.log(a) - np.log(np.maximum(b + x - 1, 1e-300)), -np.inf)
        rate = (r + x)[self.of_x]
        alive = -rate * np.log(alpha + self.age)[self.of_age]
        gone = left[self.of_x] - rate * np.log(alpha + self.last)[self.of_last]
        both = np.logaddexp(alive, gone)
        weight = self.share * np.exp(gone - both)
        rest = self.share - weight
        gone_x = np.bincount(self.of_x, weight, len(x))
        at_age = np.bincount(self.of_age, rest, len(self.age))
        at_last = np.bincount(self.of_last, weight, len(self.last))
        height = float((self.by_x * of_x).sum() + (self.share * both).sum())
        known = psi(a + b) - psi(a + b + x)
        slope_r = (self.by_x * (psi(r + x) - psi(r))).sum() + np.log(alpha)
        slope_r -= (at_age * np.log(alpha + self.age)).sum() + (at_last * np.log(alpha + self.last)).sum()
        near = rest / (alpha + self.age)[self.of_age] + weight / (alpha + self.last)[self.of_last]
        slope_alpha = r / alpha - (rate * near).sum()
        slope_a = (self.by_x * known).sum() + gone_x.sum() / a
        bought = np.where(x > 0, gone_x / np.where(x > 0, b + x - 1, 1.0), 0.0)
        slope_b = (self.by_x * (known + psi(b + x) - psi(b)) - bought).sum()
        return height, np.array([slope_r, slope_alpha, slope_a, slope_b])
