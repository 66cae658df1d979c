"""k-means over points that stand for many customers each: the same centres whatever the order of rows or threads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadInput, words

WEIGHTS_UNEVEN = words("means_weights_uneven", "{points} points do not go with {weights} weights.")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ROUNDS = 200


def centres(
    points: npt.ArrayLike, weights: npt.ArrayLike, k: int, *, rng: np.random.Generator, tries: int = 8
) -> Floats:
    """The centres of k groups, shape (k, d), in the order of their coordinates; fewer where fewer points differ.

    `points` shape (n, d) stand for `weights` customers each, shape (n,). Points are put in order and equal ones put
    together first, so the answer hangs on the set alone. Method: Lloyd's rounds from `tries` k-means++ starts (Arthur
    and Vassilvitskii 2007), of which the one with the least sum of squares is kept; the earliest of equals. No points:
    shape (0, d).

    >>> centres([[0], [1], [10], [11]], [1, 1, 1, 1], 2, rng=np.random.default_rng(1)).ravel().tolist()
    [0.5, 10.5]
    """
    found, heavy = _together(np.asarray(points, np.float64), np.asarray(weights, np.float64))
    if len(found) <= k:
        return found
    best, least = found[:k], np.inf
    for _ in range(tries):
        tried, cost = _lloyd(found, heavy, _start(found, heavy, k, rng))
        if cost < least:
            best, least = tried, cost
    return np.asarray(best[np.lexsort(best.T[::-1])])


def settled(points: Floats, weights: Floats, middle: Floats) -> Floats:
    """The centres that Lloyd's rounds end at from given ones, shape (k, d), in the order of the given.

    >>> settled(np.array([[0.0], [1.0], [9.0]]), np.ones(3), np.array([[0.2], [8.0]])).ravel().tolist()
    [0.5, 9.0]
    """
    return _lloyd(points, weights, middle)[0]


def nearest(points: npt.ArrayLike, middle: Floats) -> Ints:
    """The place of the nearest centre of each point, shape (n,); of equally near ones the first.

    >>> nearest([[0.0], [9.0]], np.array([[0.5], [10.5]])).tolist()
    [0, 1]
    """
    return np.asarray(np.argmin(_squares(np.asarray(points, np.float64), middle), axis=1), np.int64)


def _together(points: Floats, weights: Floats) -> tuple[Floats, Floats]:
    if len(points) != len(weights):
        raise BadInput(WEIGHTS_UNEVEN, points=len(points), weights=len(weights))
    found, place = np.unique(points, axis=0, return_inverse=True)
    return found, np.asarray(np.bincount(place.ravel(), weights, len(found)), np.float64)


def _start(points: Floats, weights: Floats, k: int, rng: np.random.Generator) -> Floats:
    """k different points, each drawn by weight × squared distance to those before."""
    chance = weights.copy()
    chosen: list[int] = []
    near = np.full(len(points), np.inf)
    while len(chosen) < k:
        steps = np.cumsum(chance)
        chosen.append(int(np.searchsorted(steps, rng.random() * steps[-1], side="right")))
        near = np.minimum(near, _squares(points, points[chosen[-1:]])[:, 0])
        chance = weights * near
    return points[chosen]


def _lloyd(points: Floats, weights: Floats, middle: Floats) -> tuple[Floats, float]:
    for _ in range(_ROUNDS):
        place = nearest(points, middle)
        total = np.bincount(place, weights, len(middle))
        sums = np.stack([np.bincount(place, weights * axis, len(middle)) for axis in points.T], axis=1)
        moved = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-300)[:, None], middle)
        if np.array_equal(moved, middle):
            break
        middle = moved
    return middle, float((weights * _squares(points, middle).min(axis=1)).sum())


def _squares(points: Floats, middle: Floats) -> Floats:
    """Squared distances, shape (n, k); one centre at a time, axis by axis."""
    found = np.zeros((len(points), len(middle)))
    for place, one in enumerate(middle):
        for axis in range(points.shape[1]):
            found[:, place] += (points[:, axis] - one[axis]) ** 2
    return found
