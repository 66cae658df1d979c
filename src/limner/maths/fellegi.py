"""Fellegi–Sunter weights of record pairs, learned without labels.

Two records are compared in K ways; each comparison gives a level (0 differs … L−1 the same, −1 unknown). `m` is how
often a level comes up among pairs of one person, `u` among pairs of two; a level weighs log2(m / u) bits, unknown
weighs nothing (Fellegi, Sunter 1969). `u` is counted on random pairs; `m` by expectation–maximisation inside blocks,
where a block says nothing of the comparisons it is made of. Each is then corrected by the other, because random pairs
of a small file hold pairs of one person too.

Two classes are not enough where people live together: they share address, surname and phone, and are two. Comparisons
told to be `shared` may therefore come out as for one person while the others come out as for two: a third class, whose
share is learned with the rest.
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
    """What was learned: the share of pairs that are one person's, m and u of each level of each comparison.

    `rival` is the share of pairs that are two persons alike in the comparisons `shared`, shape (K,).
    """

    prior: float
    m: tuple[Floats, ...]
    u: tuple[Floats, ...]
    rival: float = 0.0
    shared: npt.NDArray[np.bool_] | None = None

    @property
    def weights(self) -> tuple[Floats, ...]:
        """Bits per comparison and level."""
        return tuple(np.log2(m / u) for m, u in zip(self.m, self.u, strict=True))

    @property
    def start(self) -> float:
        """Bits before anything is compared: the odds of the prior."""
        return float(np.log2(self.prior / (1.0 - self.prior)))

    def chance(self, bits: npt.NDArray[np.float32]) -> Floats:
        """The probability that pairs are one person's, from their bits per comparison, shape (n, K)."""
        odds = np.exp2(-np.clip(bits.sum(axis=1, dtype=np.float64) + self.start, -500.0, 500.0))
        if self.rival > 0.0 and self.shared is not None:
            own = bits[:, ~self.shared].sum(axis=1, dtype=np.float64) + np.log2(self.prior / self.rival)
            odds = odds + np.exp2(-np.clip(own, -500.0, 500.0))
        return np.asarray(1.0 / (1.0 + odds))


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


def learn(
    random: Patterns,
    blocks: Sequence[Block],
    union: Patterns,
    total: float,
    sizes: Sequence[int],
    shared: Sequence[bool] = (),
) -> Model:
    """The model of a file: `random` pairs, pairs by block, all pairs met in any block, and how many pairs there are.

    Without a block that leaves a comparison free its m stays the first guess: the nearer, the more. `shared` says which
    comparisons people who live together agree in; none: two classes.
    """
    guess = tuple(_guess(size) for size in sizes)
    common = np.asarray(shared if len(shared) else [False] * len(sizes), bool)
    m, prior, rival = guess, max(_LEAST, min(0.5, 1.0 / max(1.0, total) ** 0.5)), 0.0
    u = tuple(_shares(random, k, np.ones(random.count.size), size) for k, size in enumerate(sizes))
    for _ in range(ROUNDS):
        m = _agree_over_blocks(blocks, u, guess, sizes, common)
        prior, rival = _priors(union, m, u, total, prior, common)
        belief = _beliefs(random.levels, m, u, (prior, rival), common)
        u = tuple(_shares(random, k, 1.0 - belief.sum(axis=0), size) for k, size in enumerate(sizes))
    return Model(prior, _ordered(m, u), u, rival, common)


def score(levels: Levels, weights: Sequence[Floats]) -> npt.NDArray[np.float32]:
    """Bits of each comparison of each pair, shape (n, K), float32; unknown is nought."""
    bits = np.zeros(levels.shape, np.float32)
    for k, weight in enumerate(weights):
        bits[:, k] = np.append(weight, 0.0)[levels[:, k]]
    return bits


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


def _beliefs(
    levels: Levels,
    m: Sequence[Floats],
    u: Sequence[Floats],
    priors: tuple[float, float],
    shared: npt.NDArray[np.bool_],
) -> Floats:
    """The chances that pairs are one person's, and two alike in what is shared, shape (2, n)."""
    own, common = np.zeros(levels.shape[0]), np.zeros(levels.shape[0])
    for k, (hit, miss) in enumerate(zip(m, u, strict=True)):
        bits = np.append(np.log2(hit / miss), 0.0)[levels[:, k]]
        if shared[k]:
            common += bits
        else:
            own += bits
    one, rival = (priors[0] * np.exp2(own + common), priors[1] * np.exp2(common))
    whole = one + rival + (1.0 - sum(priors))
    return np.stack([one / whole, rival / whole])


def _within(
    block: Block, u: Sequence[Floats], guess: Sequence[Floats], sizes: Sequence[int], shared: npt.NDArray[np.bool_]
) -> tuple[Floats, ...]:
    """Expectation–maximisation over one block: m of its free comparisons, u held; the weight of its word last.

    Two who live together are looked for only where the rule itself is not about what is a person's own.
    """
    free = np.flatnonzero(block.is_free).tolist()
    seen = Patterns(block.seen.levels[:, free], block.seen.count)
    apart, common = [u[k] for k in free], shared[free]
    has_rival = bool(common.any()) and bool((~common).any()) and bool(block.is_free[~shared].all())
    m, share, rival, whole = [guess[k] for k in free], 0.3, 0.1 if has_rival else 0.0, float(seen.count.sum())
    for _ in range(_STEPS):
        belief, other = _beliefs(seen.levels, m, apart, (share, rival), common)
        fresh = [_mixed(seen, at, belief, guess[k], sizes[k]) for at, k in enumerate(free)]
        moved = max((float(np.abs(new - old).max()) for new, old in zip(fresh, m, strict=True)), default=0.0)
        m, share = fresh, min(max(float((belief * seen.count).sum()) / whole, 1e-4), 0.99)
        rival = min(float((other * seen.count).sum()) / whole, 0.995 - share) if has_rival else 0.0
        if moved < _CLOSE:
            break
    return (*m, np.array([share * share * whole]))


def _mixed(seen: Patterns, column: int, belief: Floats, guess: Floats, size: int) -> Floats:
    level = seen.levels[:, column]
    known = level >= 0
    counted = np.bincount(level[known], weights=(seen.count * belief)[known], minlength=size) + _FAINT * guess
    return np.asarray(counted / counted.sum())


def _agree_over_blocks(
    blocks: Sequence[Block],
    u: Sequence[Floats],
    guess: Sequence[Floats],
    sizes: Sequence[int],
    shared: npt.NDArray[np.bool_],
) -> tuple[Floats, ...]:
    """m of each comparison: the mean over the blocks that leave it free, the purer and larger a block the more."""
    sums = [_FAINT * part for part in guess]
    for block in blocks:
        if not block.seen.count.sum() or not block.is_free.any():
            continue
        *found, trust = _within(block, u, guess, sizes, shared)
        for at, k in enumerate(np.flatnonzero(block.is_free).tolist()):
            sums[k] = sums[k] + float(trust[0]) * found[at]
    return tuple(np.maximum(part / part.sum(), _LEAST) for part in sums)


def _priors(
    union: Patterns,
    m: Sequence[Floats],
    u: Sequence[Floats],
    total: float,
    prior: float,
    shared: npt.NDArray[np.bool_],
) -> tuple[float, float]:
    """The shares of all pairs that are one person's, and two alike, from what is believed of those met in a block."""
    rival = prior if shared.any() and not shared.all() else 0.0
    for _ in range(_STEPS):
        sums = (_beliefs(union.levels, m, u, (prior, rival), shared) * union.count).sum(axis=1) / max(1.0, total)
        fresh = min(max(float(sums[0]), _LEAST / 10), 0.5)
        rival = min(float(sums[1]), 0.4) if rival else 0.0
        if abs(fresh - prior) < _CLOSE * prior:
            return fresh, rival
        prior = fresh
    return prior, rival


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
