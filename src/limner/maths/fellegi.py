"""Fellegi–Sunter weights of record pairs, learned without labels.

Two records are compared in K ways; each comparison gives a level (0 differs … L−1 the same, −1 unknown). `m` is how
often a level comes up among pairs of one person, `u` among pairs of two; a level weighs log2(m / u) bits, unknown
weighs nothing (Fellegi, Sunter 1969). `u` is counted on random pairs; `m` by expectation–maximisation inside blocks,
where a block says nothing of the comparisons it is made of. Each is then corrected by the other, because random pairs
of a small file hold pairs of one person too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int8]

ROUNDS: Final = 4
_STEPS: Final = 60
_CLOSE: Final = 1e-5
_LEAST: Final = 1e-7
_FAINT: Final = 20.0
"""Pairs' worth of the first guess mixed into each estimate of m: a file with a handful of them keeps to it."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Different rows of levels, shape (p, K), in a fixed order, and how many pairs show each, shape (p,)."""

    levels: Levels
    count: Floats


@dataclass(frozen=True, slots=True)
class Block:
    """The pairs that agree on one blocking rule, and which comparisons the rule says nothing of, shape (K,)."""

    seen: Patterns
    is_free: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Model:
    """What was learned: the share of pairs that are one person's, and m and u of each level of each comparison."""

    prior: float
    m: tuple[Floats, ...]
    u: tuple[Floats, ...]

    @property
    def weights(self) -> tuple[Floats, ...]:
        """Bits per comparison and level."""
        return tuple(np.log2(m / u) for m, u in zip(self.m, self.u, strict=True))

    @property
    def start(self) -> float:
        """Bits before anything is compared: the odds of the prior."""
        return float(np.log2(self.prior / (1.0 - self.prior)))


def patterns(levels: Levels, sizes: Sequence[int], count: Floats | None = None) -> Patterns:
    """The different rows of `levels`, shape (n, K), and how often each stands there. No rows: no patterns.

    >>> found = patterns(np.array([[0, 1], [0, 1], [-1, 1]], np.int8), [2, 2])
    >>> found.levels.tolist(), found.count.tolist()
    ([[-1, 1], [0, 1]], [1.0, 2.0])
    """
    key = np.zeros(levels.shape[0], np.int64)
    for column, size in enumerate(sizes):
        key = key * (size + 1) + (levels[:, column].astype(np.int64) + 1)
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    counted = np.bincount(place, weights=count, minlength=first.size)
    return Patterns(levels[first], counted.astype(np.float64))


def learn(random: Patterns, blocks: Sequence[Block], union: Patterns, total: float, sizes: Sequence[int]) -> Model:
    """The model of a file: `random` pairs, pairs by block, all pairs met in any block, and how many pairs there are.

    Without a block that leaves a comparison free its m stays the first guess: the nearer, the more.
    """
    guess = tuple(_guess(size) for size in sizes)
    m, prior = guess, max(_LEAST, min(0.5, 1.0 / max(1.0, total) ** 0.5))
    u = tuple(_shares(random, k, np.ones(random.count.size), size) for k, size in enumerate(sizes))
    for _ in range(ROUNDS):
        m = _agree_over_blocks(blocks, u, guess, sizes)
        prior = _prior(union, m, u, total, prior)
        belief = _belief(random.levels, m, u, prior)
        u = tuple(_shares(random, k, 1.0 - belief, size) for k, size in enumerate(sizes))
    return Model(prior, _ordered(m, u), u)


def score(levels: Levels, weights: Sequence[Floats]) -> npt.NDArray[np.float32]:
    """Bits of each comparison of each pair, shape (n, K), float32; unknown is nought."""
    bits = np.zeros(levels.shape, np.float32)
    for k, weight in enumerate(weights):
        bits[:, k] = np.append(weight, 0.0)[levels[:, k]]
    return bits


def probability(bits: Floats) -> Floats:
    """The chance that belongs to log2 odds.

    >>> probability(np.array([0.0, 2.0])).tolist()
    [0.5, 0.8]
    """
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(bits, -500.0, 500.0))))


def _guess(size: int) -> Floats:
    """The first guess of m: the same in 85 of 100, different in 5, the levels between share the rest."""
    middle = np.full(max(0, size - 2), 0.1 / max(1, size - 2))
    found = np.concatenate([[0.05], middle, [0.85]]) if size > 1 else np.ones(1)
    return np.asarray(found / found.sum())


def _shares(seen: Patterns, column: int, weight: Floats, size: int) -> Floats:
    """How often each level comes up among weighted pairs that know it; a level never seen is taken as half a pair."""
    level = seen.levels[:, column]
    known = level >= 0
    counted = np.bincount(level[known], weights=(seen.count * weight)[known], minlength=size).astype(np.float64)
    counted = np.maximum(counted, 0.5)
    return np.asarray(np.maximum(counted / counted.sum(), _LEAST))


def _belief(levels: Levels, m: Sequence[Floats], u: Sequence[Floats], prior: float) -> Floats:
    odds = np.full(levels.shape[0], np.log2(prior / (1.0 - prior)))
    for k, (hit, miss) in enumerate(zip(m, u, strict=True)):
        odds += np.append(np.log2(hit / miss), 0.0)[levels[:, k]]
    return probability(odds)


def _within(block: Block, u: Sequence[Floats], guess: Sequence[Floats], sizes: Sequence[int]) -> tuple[Floats, ...]:
    """Expectation–maximisation over one block: m of its free comparisons, u held; the weight of its word last."""
    free = np.flatnonzero(block.is_free).tolist()
    levels, count = block.seen.levels[:, free], block.seen.count
    seen = Patterns(levels, count)
    apart = [u[k] for k in free]
    m, share = [guess[k] for k in free], 0.3
    for _ in range(_STEPS):
        belief = _belief(levels, m, apart, share)
        matches = float((belief * count).sum())
        fresh = [_mixed(seen, at, belief, guess[k], sizes[k]) for at, k in enumerate(free)]
        moved = max((float(np.abs(new - old).max()) for new, old in zip(fresh, m, strict=True)), default=0.0)
        m, share = fresh, min(max(matches / count.sum(), 1e-4), 1.0 - 1e-4)
        if moved < _CLOSE:
            break
    return (*m, np.array([share * share * count.sum()]))


def _mixed(seen: Patterns, column: int, belief: Floats, guess: Floats, size: int) -> Floats:
    level = seen.levels[:, column]
    known = level >= 0
    counted = np.bincount(level[known], weights=(seen.count * belief)[known], minlength=size) + _FAINT * guess
    return np.asarray(counted / counted.sum())


def _agree_over_blocks(
    blocks: Sequence[Block], u: Sequence[Floats], guess: Sequence[Floats], sizes: Sequence[int]
) -> tuple[Floats, ...]:
    """m of each comparison: the mean over the blocks that leave it free, the purer and larger a block the more."""
    sums = [_FAINT * part for part in guess]
    for block in blocks:
        if not block.seen.count.sum() or not block.is_free.any():
            continue
        *found, trust = _within(block, u, guess, sizes)
        for at, k in enumerate(np.flatnonzero(block.is_free).tolist()):
            sums[k] = sums[k] + float(trust[0]) * found[at]
    return tuple(np.maximum(part / part.sum(), _LEAST) for part in sums)


def _prior(union: Patterns, m: Sequence[Floats], u: Sequence[Floats], total: float, prior: float) -> float:
    """The share of all pairs that are one person's, from what is believed of those met in a block."""
    for _ in range(_STEPS):
        matches = float((_belief(union.levels, m, u, prior) * union.count).sum())
        fresh = min(max(matches / max(1.0, total), _LEAST / 10), 0.5)
        if abs(fresh - prior) < _CLOSE * prior:
            return fresh
        prior = fresh
    return prior


def _ordered(m: Sequence[Floats], u: Sequence[Floats]) -> tuple[Floats, ...]:
    """m under which a nearer level never weighs less than a farther one, by pooling neighbours that break the rule."""
    fixed = []
    for hit, miss in zip(m, u, strict=True):
        groups: list[list[float]] = []
        for h, n in zip(hit.tolist(), miss.tolist(), strict=True):
            groups.append([h, n, 1])
            while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
                top = groups.pop()
                groups[-1] = [groups[-1][0] + top[0], groups[-1][1] + top[1], groups[-1][2] + top[2]]
        ratio = np.concatenate([np.full(int(size), h / n) for h, n, size in groups])
        fixed.append(np.asarray(ratio * miss))
    return tuple(fixed)
