"""Moves between stages as a Markov chain: counts between two instants, and how many will stand where some steps ahead.

The assumption: where a customer goes depends on the stage they stand in and on nothing else, and tomorrow's moves are
like those that were counted; customers who enter come at the rate they came at. A back-test shows how far that holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DRAWS = 2000
_ENDS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Ahead:
    """Customers by stage some steps ahead: shape (steps, stages); 95 % of what may come lies from `low` to `high`."""

    expected: Floats
    low: Floats
    high: Floats


def moves(before: npt.ArrayLike, after: npt.ArrayLike, stages: int) -> tuple[Ints, Ints]:
    """Counts of shape (stages, stages), from row to column, and those who entered, by stage.

    `before` and `after` hold each customer's stage, -1 for none yet. Who has none after is not counted.

    >>> counts, entered = moves([0, 0, 1, -1, -1], [0, 1, 1, 0, -1], 2)
    >>> counts.tolist(), entered.tolist()
    ([[1, 1], [0, 1]], [1, 0])
    """
    first, second = np.asarray(before, np.int64), np.asarray(after, np.int64)
    stood, entered = (first >= 0) & (second >= 0), (first < 0) & (second >= 0)
    counts = np.bincount(first[stood] * stages + second[stood], minlength=stages * stages)
    return counts.reshape(stages, stages), np.bincount(second[entered], minlength=stages)


def shares(counts: Ints) -> Floats:
    """Each row over its sum; a stage nobody stood in is kept.

    >>> shares(np.array([[1, 3], [0, 0]])).tolist()
    [[0.25, 0.75], [0.0, 1.0]]
    """
    rows = counts.sum(axis=1, keepdims=True)
    return np.where(rows > 0, counts / np.maximum(rows, 1), np.eye(len(counts)))


def forecast(
    now: npt.ArrayLike, counts: Ints, entered: Ints, seen: int, steps: int, *, rng: np.random.Generator
) -> Ahead:
    """Customers by stage 1 to `steps` steps after `now`, of shape (stages,), by moves counted over `seen` steps.

    The interval holds both what the counts leave open (rows drawn from Dirichlet distributions, entries from a Gamma)
    and chance itself (moves are multinomial, entries Poisson).
    """
    start = np.asarray(now, np.int64)
    chances, rate = shares(counts), entered / seen
    expected, stand = np.empty((steps, start.size)), start.astype(np.float64)
    for step in range(steps):
        stand = stand @ chances + rate
        expected[step] = stand
    drawn = np.empty((DRAWS, steps, start.size), np.int64)
    shapes = np.where(counts.sum(axis=1, keepdims=True) > 0, counts, np.eye(start.size))
    for draw in range(DRAWS):
        weights = rng.standard_gamma(shapes)
        ways = weights / weights.sum(axis=1, keepdims=True)
        coming = rng.standard_gamma(entered) / seen
        at = start
        for step in range(steps):
            at = rng.multinomial(at, ways).sum(axis=0) + rng.poisson(coming)
            drawn[draw, step] = at
    low, high = np.percentile(drawn, _ENDS, axis=0)
    return Ahead(expected, low, high)
