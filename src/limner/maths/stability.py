"""How far clusters can be relied on: whether other samples give the same ones, and which cluster is which tomorrow.

Stability of k (after Fang, Wang 2012): cluster pairs of samples drawn with replacement, put all rows to the nearest
centres of each, and compare the two partitions by the adjusted Rand index (Hubert, Arabie 1985): 1 alike, 0 as by
chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from limner.maths.clusters import Rows, cluster, nearest
from limner.maths.extras import need

MOST_ROWS: Final = 8_000
"""Rows the stability is measured on."""
DRAWS: Final = 8
_NEAR: Final = 0.03
"""How far below the best a stability may lie and still count as good."""

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Stability:
    """The adjusted Rand index of pairs of samples, for k clusters: mean, lowest, and how many pairs."""

    k: int
    mean: float
    low: float
    draws: int


def agreement(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """The adjusted Rand index of two partitions of the same rows, shape (n,) each; 1 where both have one part.

    >>> agreement([0, 0, 1, 1], [5, 5, 3, 3]), round(agreement([0, 0, 1, 1], [0, 1, 0, 1]), 2)
    (1.0, -0.5)
    """
    table = overlap(np.asarray(first), np.asarray(second))
    total = int(table.sum())
    together = _pairs(table)
    rows, columns = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    expected = rows * columns / max(1.0, total * (total - 1) / 2)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs(counts: npt.NDArray[np.int64]) -> float:
    return float((counts.astype(np.float64) * (counts - 1) / 2).sum())


def overlap(first: npt.NDArray[np.integer], second: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """How many rows two partitions share, part by part: shape (parts of the first, parts of the second)."""
    _, a = np.unique(first, return_inverse=True)
    _, b = np.unique(second, return_inverse=True)
    shape = (int(a.max(initial=-1)) + 1, int(b.max(initial=-1)) + 1)
    return np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape)


def stability(rows: Rows, k: int, rng: np.random.Generator, *, weight: float = 0.5, draws: int = DRAWS) -> Stability:
    """How alike the k clusters of two samples are, over `draws` pairs of samples; at most MOST_ROWS rows are used.

    Starts are plain: a local search finds the same cut again and again even where it is arbitrary.
    """
    if len(rows) > MOST_ROWS:
        rows = rows.take(np.sort(rng.choice(len(rows), MOST_ROWS, replace=False)))
    found = []
    for _ in range(draws):
        samples = [rows.take(rng.integers(len(rows), size=len(rows))) for _ in range(2)]
        parts = [
            nearest(rows, cluster(one, k, rng, weight=weight, starts=3, exchanges=False).centres)[0] for one in samples
        ]
        found.append(agreement(*parts))
    return Stability(k, float(np.mean(found)), float(np.min(found)), draws)


def chosen_k(tried: Sequence[Stability], least: float) -> Stability:
    """The largest k whose mean stability reaches `least` and is at most 0.03 below the best; the most stable where none
    reaches it.

    >>> chosen_k([Stability(2, 1.0, 1.0, 8), Stability(3, 0.98, 0.9, 8), Stability(4, 0.92, 0.5, 8)], 0.9).k
    3
    """
    best = max(one.mean for one in tried)
    stable = [one for one in tried if one.mean >= max(least, best - _NEAR)]
    return max(stable, key=lambda one: one.k) if stable else max(tried, key=lambda one: (one.mean, -one.k))


def matched(before: Labels, now: Labels, k: int) -> npt.NDArray[np.int64]:
    """Which old part each of k new parts is, −1 for none: the pairing that most rows agree with (Kuhn 1955).

    Both are labels from 0 of the same rows; a new part is given an old one only where they share a row.

    >>> matched(np.array([0, 0, 1], np.int32), np.array([1, 1, 0], np.int32), 2).tolist()
    [1, 0]
    """
    parts = int(before.max(initial=-1)) + 1
    shared = np.bincount(now.astype(np.int64) * max(parts, 1) + before, minlength=k * max(parts, 1))
    table = shared.reshape(k, max(parts, 1))
    rows, columns = need("scipy.optimize", extra="ml").linear_sum_assignment(-table)
    found = np.full(k, -1, np.int64)
    found[rows] = np.where(table[rows, columns] > 0, columns, -1)
    return found
