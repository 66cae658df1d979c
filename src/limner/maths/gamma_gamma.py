"""Gamma-Gamma: what a purchase of a customer is worth (Fader and Hardie 2013, after Colombo and Jiang 1999).

Purchases of a customer spread around a mean of their own, and the means over customers. It supposes that the mean does
not move with how often somebody buys: `together_move` says whether that is so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limner.maths.extras import need
from limner.maths.histories import Floats
from limner.maths.likelihood import Peak, peak

NAMES = ("p", "q", "gamma")


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """The three parameters; gamma in money."""

    p: float
    q: float
    gamma: float

    @property
    def mean(self) -> float | None:
        """The mean purchase of a customer nothing is known of; None where the parameters have no finite mean."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else None

    def value(self, repeats: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
        """The mean purchase to be expected of customers with so many repeats of such a mean, shape (n,).

        Their own mean is drawn towards the one of all, the more the fewer repeats they have; without a repeat, or with
        a mean of nothing, it is the one of all. NaN where that is not finite.
        """
        x, m = np.asarray(repeats, np.float64), np.asarray(mean, np.float64)
        is_known = (x > 0) & (m > 0)
        x, m = np.where(is_known, x, 0.0), np.where(is_known, m, 0.0)
        below = self.p * x + self.q - 1
        return np.where(below > 0, self.p * (self.gamma + m * x) / np.where(below > 0, below, 1.0), np.nan)


def fit(repeats: npt.ArrayLike, mean: npt.ArrayLike, customers: npt.ArrayLike | None = None) -> tuple[GammaGamma, Peak]:
    """The parameters under which these means are likeliest, and how well they are known; shape (n,) each.

    Customers without a repeat, or with a mean of nothing or less, say nothing and are left out.
    """
    x, m = np.asarray(repeats, np.float64), np.asarray(mean, np.float64)
    many = np.ones(x.shape) if customers is None else np.asarray(customers, np.float64)
    kept = (x > 0) & (m > 0)
    x, m, many = x[kept], m[kept], many[kept]
    order = np.lexsort((m, x))
    x, m, share = x[order], m[order], many[order] / many.sum()
    special = need("scipy.special", extra="ml")
    log, psi, log_sum, log_m = special.gammaln, special.digamma, np.log(m * x), np.log(m)

    def slope(values: Floats) -> tuple[float, Floats]:
        p, q, gamma = (float(value) for value in values)
        shape, reach = p * x, np.log(gamma + m * x)
        height = log(shape + q) - log(shape) - log(q) + q * np.log(gamma)
        height += shape * log_sum - log_m - (shape + q) * reach
        together = psi(shape + q)
        by_p = x * (together - psi(shape) + log_sum - reach)
        by_q = together - psi(q) + np.log(gamma) - reach
        by_gamma = q / gamma - (shape + q) / (gamma + m * x)
        return float((share * height).sum()), np.array([(share * one).sum() for one in (by_p, by_q, by_gamma)])

    start = np.array([2.0, 3.0, float((share * m).sum())])
    top = peak(slope, start, rows=float(many.sum()), model="Gamma-Gamma")
    return GammaGamma(*top.values), top


def together_move(repeats: npt.ArrayLike, mean: npt.ArrayLike) -> float | None:
    """Correlation of log repeats and log mean purchase over those who came back; None below three or without spread.

    >>> together_move([1, 2, 4, 8], [10, 20, 40, 80])
    1.0
    """
    x, m = np.asarray(repeats, np.float64), np.asarray(mean, np.float64)
    kept = (x > 0) & (m > 0)
    x, m = np.log(x[kept]), np.log(m[kept])
    if len(x) < 3 or x.std() == 0 or m.std() == 0:
        return None
    return round(float(((x - x.mean()) * (m - m.mean())).mean() / (x.std() * m.std())), 12)
