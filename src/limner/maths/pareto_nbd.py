"""Pareto/NBD: how often customers buy, and whether they still do (Schmittlein, Morrison and Colombo 1987, Management
Science 33; the likelihood as in Fader and Hardie's note of 2005).

While alive a customer buys at random at a rate of their own, and leaves at any moment at a rate of their own, buying or
not. Both rates are gamma over customers, (r, alpha) and (s, beta). Times are in weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from limner.maths.extras import need
from limner.maths.histories import Floats, Histories
from limner.maths.likelihood import Peak, peak

NAMES = ("r", "alpha", "s", "beta")
_NEAR = 1e-7
_NODES: Final = 16


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """The four parameters; alpha and beta in weeks."""

    r: float
    alpha: float
    s: float
    beta: float

    def alive(self, found: Histories) -> Floats:
        """The chance that a customer of each history has not left by their age, shape (n,)."""
        stayed, left, _ = _sides(self, found)
        return np.exp(stayed - np.logaddexp(stayed, left))

    def expected(self, found: Histories, weeks: float) -> Floats:
        """The purchases to be expected of each history in the next weeks, shape (n,)."""
        rate = (self.r + found.repeats) / (self.alpha + found.age)
        return rate * self._alive_weeks(self.beta + found.age, np.asarray(weeks, np.float64)) * self.alive(found)

    def repeats(self, weeks: npt.ArrayLike) -> Floats:
        """The repeat purchases to be expected of a customer within weeks of the first purchase, shape as given.

        >>> ParetoNbd(0.553, 10.578, 0.606, 11.669).repeats([0.0, 52.0]).round(4).tolist()
        [0.0, 1.473]
        """
        spans = np.asarray(weeks, np.float64)
        return self.r / self.alpha * self._alive_weeks(np.full(spans.shape, self.beta), spans)

    def _alive_weeks(self, beta: Floats, weeks: Floats) -> Floats:
        """The weeks that somebody whose rate of leaving is gamma (s, beta) is expected to stay out of the next ones."""
        s = self.s if abs(self.s - 1) > _NEAR else 1 + _NEAR
        return np.asarray(-beta / (s - 1) * np.expm1((1 - s) * np.log1p(weeks / beta)))


def fit(found: Histories) -> tuple[ParetoNbd, Peak]:
    """The parameters under which these histories are likeliest, and how well they are known."""
    age = max(1.0, float(np.median(found.age)))
    top = peak(_Slope(found), np.array([0.5, age / 4, 0.5, age / 4]), rows=found.total, model="Pareto/NBD")
    return ParetoNbd(*top.values), top


@dataclass(frozen=True, slots=True)
class _Means:
    """Means over the moments at which a customer of each history may have left, shape (n,) each: of log(alpha + y),
    1 / (alpha + y), log(beta + y) and 1 / (beta + y)."""

    log_alpha: Floats
    by_alpha: Floats
    log_beta: Floats
    by_beta: Floats


def _sides(model: ParetoNbd, found: Histories) -> tuple[Floats, Floats, _Means]:
    """The logarithms of the two ways to a history, to stay until the asof and to leave at a moment y before, both
    without what is common to all; and means over that moment.

    The second is the integral of s (alpha + y)^−(r + x) (beta + y)^−(s + 1) from the last purchase to the asof. The
    published form is a difference of two 2F1, which cancels. Here w = log((low + y) / (low + last)), low the smaller of
    alpha and beta: in w the integrand falls nearly as e^−kw, is drawn evenly by that fall, and what is left of it is
    smooth: Gauss–Legendre.
    """
    r, alpha, s, beta = model.r + found.repeats, model.alpha, model.s, model.beta
    sides = ((alpha, r), (beta, s + 1))
    (low, steep), (high, other) = sides if alpha <= beta else sides[::-1]
    start, base = low + found.last, high + found.last
    slope = start / base
    fall = steep - 1 + other * slope
    fall = np.where(np.abs(fall) > _NEAR, fall, _NEAR)
    whole = -np.expm1(-fall * np.log1p((found.age - found.last) / start))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    moment = -np.log1p(-np.outer((nodes + 1) / 2, whole)) / fall
    grown = start * np.expm1(moment)
    risen = np.log1p(grown / base)
    parts = (weights / 2)[:, None] * np.exp((fall - steep + 1) * moment - other * risen)
    total = parts.sum(0)
    with np.errstate(divide="ignore"):
        left = np.log(s * whole / fall * total) - (steep - 1) * np.log(start) - other * np.log(base)
    parts /= total
    of_low = np.log(start) + (parts * moment).sum(0), (parts * np.exp(-moment)).sum(0) / start
    of_high = np.log(base) + (parts * risen).sum(0), (parts / (base + grown)).sum(0)
    means = _Means(*of_low, *of_high) if alpha <= beta else _Means(*of_high, *of_low)
    return -r * np.log(alpha + found.age) - s * np.log(beta + found.age), left, means


class _Slope:
    """The mean log-likelihood and its gradient."""

    def __init__(self, found: Histories) -> None:
        self.special: Any = need("scipy.special", extra="ml")
        self.found, self.share = found, found.customers / found.total

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        model = ParetoNbd(*(float(value) for value in values))
        r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
        x, age, log, psi = self.found.repeats, self.found.age, self.special.gammaln, self.special.digamma
        stayed, left, means = _sides(model, self.found)
        both = np.logaddexp(stayed, left)
        gone = self.share * np.exp(left - both)
        here = self.share - gone
        height = (self.share * (log(r + x) - log(r) + both)).sum() + r * np.log(alpha) + s * np.log(beta)
        slope_r = (self.share * (psi(r + x) - psi(r))).sum() + np.log(alpha)
        slope_r -= (here * np.log(alpha + age) + gone * means.log_alpha).sum()
        slope_alpha = r / alpha - ((r + x) * (here / (alpha + age) + gone * means.by_alpha)).sum()
        slope_s = np.log(beta) - (here * np.log(beta + age)).sum() + (gone * (1 / s - means.log_beta)).sum()
        slope_beta = s / beta - (here * s / (beta + age) + gone * (s + 1) * means.by_beta).sum()
        return float(height), np.array([slope_r, slope_alpha, slope_s, slope_beta])
