"""Preference among a few things: the Dirichlet-multinomial, shares of a customer drawn towards the shares of everybody.

A customer with weights w over things of base shares b prefers thing k with probability (w_k + a b_k) / (sum w + a). The
strength a is estimated by moments from how far customers' shares lie from the base (Mosimann, Biometrika 1962).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEAKEST: Final = 0.1
STRONGEST: Final = 10_000.0


def strength(weights: Floats) -> float:
    """How strongly customers are drawn to the base, in units of weight: from 0.1 (each to their own) to 10,000 (all
    alike). `weights` has a row per customer and a column per thing; rows of at most 1 say nothing.

    >>> strength(np.array([[50.0, 50.0]] * 10))
    10000.0
    """
    totals = weights.sum(axis=1)
    telling = weights[totals > 1]
    totals = totals[totals > 1]
    if not len(totals):
        return STRONGEST
    base = telling.sum(axis=0) / totals.sum()
    spread = float((base * (1 - base)).sum())
    if spread <= 0:
        return STRONGEST
    apart = float((totals * (((telling / totals[:, None]) - base) ** 2).sum(axis=1)).sum())
    alike = (apart / spread - len(totals)) / float((totals - 1).sum())
    return float(min(max(1 / alike - 1, WEAKEST), STRONGEST)) if alike > 0 else STRONGEST


def preferred(weights: Floats) -> Floats:
    """The probability that a customer prefers each thing, rows summing to 1; nan for those without any weight.

    >>> preferred(np.array([[9.0, 1.0], [1.0, 9.0]])).sum(axis=1).tolist()
    [1.0, 1.0]
    """
    totals = weights.sum(axis=1, keepdims=True)
    whole = float(totals.sum())
    if not whole:
        return np.full(weights.shape, np.nan)
    drawn = strength(weights)
    found = (weights + drawn * (weights.sum(axis=0) / whole)) / (totals + drawn)
    return np.asarray(np.where(totals > 0, found, np.nan), np.float64)
