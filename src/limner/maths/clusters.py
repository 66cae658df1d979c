"""Clusters of rows: k-means++ starts, mini-batch and Lloyd passes, and prototypes where some columns are words.

k-means++ (Arthur, Vassilvitskii 2007, with the greedy choice among a few candidates) and a local search that exchanges
centres (Lattanzi, Sohler 2019), mini-batch passes (Sculley 2010), k-prototypes (Huang 1998): a row's cost is its
squared distance from a centre, and `weight` for every word that is not the centre's. Sums are taken over blocks of rows
in their order, so equal rows give equal centres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadInput, words
from limner.maths.extras import one_thread

T = TypeVar("T")

TOO_FEW = words("clusters_too_few", "{rows} different rows cannot make {k} clusters. Ask for fewer, or for more rows.")

Matrix = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Costs = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_BLOCK: Final = 1 << 14
_START: Final = 1 << 14
"""Rows a start is chosen from, and improved on before all rows are looked at."""
_BATCH: Final = 1 << 15
_CALM: Final = 1e-4
"""Passes end when no more than this share of the rows changes its cluster, or, over many rows, of the cost is saved."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is clustered: `numbers` of shape (n, d), already scaled, without NaN; `words` as codes from 0, (n, c)."""

    numbers: Matrix
    words: Codes

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, index: npt.NDArray[np.intp] | slice) -> Rows:
        """Some of the rows."""
        return Rows(self.numbers[index], self.words[index])


@dataclass(frozen=True, slots=True)
class Centres:
    """k centres: means (k, d) and most frequent words (k, c); a word that differs costs `weight`."""

    means: Floats
    modes: Codes
    weight: float

    def __len__(self) -> int:
        return len(self.means)


@dataclass(frozen=True, slots=True)
class Found:
    """Centres, the cluster of each row (n,), the cost of each row (n,), and how many passes over all rows it took."""

    centres: Centres
    labels: npt.NDArray[np.int32]
    costs: npt.NDArray[np.float32]
    passes: int

    @property
    def cost(self) -> float:
        """The sum of all costs (the inertia)."""
        return float(self.costs.sum(dtype=np.float64))


def rows_of(numbers: npt.ArrayLike, codes: npt.ArrayLike | None = None) -> Rows:
    """Rows of plain arrays; without words when `codes` is None.

    >>> len(rows_of([[0.0], [1.0]]))
    2
    """
    matrix = np.ascontiguousarray(numbers, np.float32)
    kept = np.zeros((len(matrix), 0), np.int32) if codes is None else np.ascontiguousarray(codes, np.int32)
    return Rows(matrix, kept)


def cluster(
    rows: Rows,
    k: int,
    rng: np.random.Generator,
    *,
    weight: float = 0.5,
    starts: int = 4,
    passes: int = 50,
    begin: Centres | None = None,
    exchanges: bool = True,
) -> Found:
    """k clusters. The best of several starts on a part of the rows, mini-batches over the rest, then passes over all.

    With `begin` those centres are the only start; without `exchanges` starts are plain k-means++. Ties go to the first
    centre. BadInput where there are fewer different rows than clusters.

    >>> found = cluster(rows_of([[0.0], [0.1], [9.0]]), 2, np.random.default_rng(1))
    >>> bool(found.labels[0] == found.labels[1] != found.labels[2])
    True
    """
    if len(rows) < k or k < 1:
        raise BadInput(TOO_FEW, rows=len(rows), k=k)
    part = rows if len(rows) <= _START else rows.take(np.sort(rng.choice(len(rows), _START, replace=False)))
    with one_thread():
        if begin is None:
            tried = [_passes(part, _start(part, k, rng, weight, exchanges=exchanges), passes) for _ in range(starts)]
            centres = min(tried, key=lambda found: found.cost).centres
        else:
            centres = begin
        if len(rows) > 4 * _START:
            centres = _batches(rows, centres, rng)
        return _passes(rows, centres, passes)


def nearest(rows: Rows, centres: Centres) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The nearest centre of each row and its cost, (n,) each; a tie goes to the first.

    >>> nearest(rows_of([[1.0], [4.0]]), Centres(np.array([[0.0], [5.0]]), np.zeros((2, 0), np.int32), 0.5))[0].tolist()
    [0, 1]
    """
    labels, costs = np.zeros(len(rows), np.int32), np.empty(len(rows), np.float32)
    means = centres.means.astype(np.float32)
    lengths = (centres.means**2).sum(axis=1).astype(np.float32)

    def one(block: slice) -> None:
        labels[block], costs[block] = _nearest(rows.take(block), means, lengths, centres)

    for _ in _side_by_side(one, len(rows)):
        pass
    return labels, costs


def _side_by_side(work: Callable[[slice], T], many: int) -> Iterator[T]:
    """The work on blocks of rows, two at a time; answers in the order of the rows."""
    blocks = [slice(first, min(first + _BLOCK, many)) for first in range(0, many, _BLOCK)]
    if len(blocks) < 2:
        yield from map(work, blocks)
        return
    with ThreadPoolExecutor(2, "clusters") as pool:
        yield from pool.map(work, blocks)


def _nearest(
    rows: Rows, means: Matrix, lengths: Matrix, centres: Centres
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    cost = means @ rows.numbers.T
    cost *= -2
    cost += lengths[:, None]
    for at in range(rows.words.shape[1]):
        cost += np.float32(centres.weight) * (centres.modes[:, at, None] != rows.words[None, :, at])
    best, labels = cost[0].copy(), np.zeros(len(rows), np.int32)
    for at in range(1, len(cost)):
        is_nearer = cost[at] < best
        np.copyto(labels, np.int32(at), where=is_nearer)
        np.minimum(best, cost[at], out=best)
    best += np.einsum("nd,nd->n", rows.numbers, rows.numbers)
    return labels, np.maximum(best, 0)


def _start(rows: Rows, k: int, rng: np.random.Generator, weight: float, *, exchanges: bool) -> Centres:
    """k-means++: each centre a row drawn by its cost, the best of a few candidates; then some may be exchanged."""
    tries = 2 + int(np.log(k))
    chosen = [int(rng.integers(len(rows)))]
    cost = _from(rows, chosen[0], weight)
    for _ in range(k - 1):
        total = cost.sum(dtype=np.float64)
        if total <= 0:
            raise BadInput(TOO_FEW, rows=len(chosen), k=k)
        drawn = np.searchsorted(np.cumsum(cost, dtype=np.float64), rng.random(tries) * total, side="right")
        options = [np.minimum(cost, _from(rows, int(at), weight)) for at in np.minimum(drawn, len(rows) - 1)]
        best = int(np.argmin([option.sum(dtype=np.float64) for option in options]))
        chosen.append(int(np.minimum(drawn, len(rows) - 1)[best]))
        cost = options[best]
    chosen = _exchanged(rows, chosen, rng, weight) if exchanges else chosen
    return Centres(rows.numbers[chosen].astype(np.float64), rows.words[chosen], weight)


def _exchanged(rows: Rows, chosen: list[int], rng: np.random.Generator, weight: float) -> list[int]:
    """The rows chosen as centres after a local search: a row drawn by its cost takes the place of the centre that is
    missed least, where that saves anything. Passes alone cannot part two groups that share a centre."""
    far, k = [_from(rows, at, weight) for at in chosen], len(chosen)
    for _ in range(k if k > 1 else 0):
        first, cost, second = _two_nearest(far)
        total = cost.sum(dtype=np.float64)
        drawn = int(np.searchsorted(np.cumsum(cost, dtype=np.float64), rng.random() * total, side="right"))
        at = min(drawn, len(rows) - 1)
        fresh = _from(rows, at, weight)
        kept = np.minimum(cost, fresh)
        without = kept.sum(dtype=np.float64) + np.bincount(first, np.minimum(second, fresh) - kept, k)
        place = int(without.argmin())
        if without[place] < total:
            far[place], chosen[place] = fresh, at
    return chosen


def _two_nearest(far: list[Costs]) -> tuple[npt.NDArray[np.int32], Costs, Costs]:
    """The nearest centre of each row, its cost, and that of the one after; `far` holds the costs by centre."""
    first, best, second = np.zeros(far[0].size, np.int32), far[0].copy(), np.full_like(far[0], np.inf)
    for at, cost in enumerate(far[1:], 1):
        np.minimum(second, np.maximum(best, cost), out=second)
        np.copyto(first, np.int32(at), where=cost < best)
        np.minimum(best, cost, out=best)
    return first, best, second


def _from(rows: Rows, at: int, weight: float) -> npt.NDArray[np.float32]:
    apart = rows.numbers - rows.numbers[at]
    squared: npt.NDArray[np.float32] = np.einsum("nd,nd->n", apart, apart)
    squared += np.float32(weight) * (rows.words != rows.words[at]).sum(axis=1, dtype=np.float32)
    return squared


def _passes(rows: Rows, centres: Centres, most: int) -> Found:
    """Lloyd's passes until hardly a row changes its cluster."""
    labels, costs = nearest(rows, centres)
    done = 1
    while done < most:
        centres = _moved(rows, labels, costs, centres)
        before, was = labels, float(costs.sum(dtype=np.float64))
        labels, costs = nearest(rows, centres)
        done += 1
        is_dear = len(rows) > 4 * _START and was - float(costs.sum(dtype=np.float64)) <= _CALM * was
        if is_dear or np.count_nonzero(labels != before) <= _CALM * len(rows):
            break
    return Found(centres, labels, costs, done)


def _moved(rows: Rows, labels: npt.NDArray[np.int32], costs: npt.NDArray[np.float32], centres: Centres) -> Centres:
    """The centres of the rows that are theirs; one that has none goes to the row that costs most."""
    k = len(centres)
    sums, counts = _sums(rows, labels, k)
    means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres.means)
    modes = _modes(_tallies(rows, labels, k, _levels(rows)), centres.modes, counts)
    empty = np.flatnonzero(counts == 0)
    if empty.size:
        far = np.argsort(-costs, kind="stable")[: empty.size]
        means[empty], modes[empty] = rows.numbers[far], rows.words[far]
    return Centres(means, modes, centres.weight)


def _sums(rows: Rows, labels: npt.NDArray[np.int32], k: int) -> tuple[Floats, Ints]:
    sums, ranks = np.zeros((k, rows.numbers.shape[1])), np.arange(k, dtype=np.int32)[:, None]

    def one(block: slice) -> Matrix:
        summed: Matrix = (labels[None, block] == ranks).astype(np.float32) @ rows.numbers[block]
        return summed

    for part in _side_by_side(one, len(rows)):
        sums += part
    return sums, np.bincount(labels, minlength=k)


def _levels(rows: Rows) -> list[int]:
    return [int(rows.words[:, at].max(initial=0)) + 1 for at in range(rows.words.shape[1])]


def _tallies(rows: Rows, labels: npt.NDArray[np.int32], k: int, levels: list[int]) -> list[Ints]:
    return [
        np.bincount(labels.astype(np.int64) * many + rows.words[:, at], minlength=k * many).reshape(k, many)
        for at, many in enumerate(levels)
    ]


def _modes(tallies: list[Ints], before: Codes, counts: Ints) -> Codes:
    modes = before.copy()
    for at, tally in enumerate(tallies):
        modes[:, at] = np.where(counts > 0, tally.argmax(axis=1), before[:, at])
    return modes


def _batches(rows: Rows, centres: Centres, rng: np.random.Generator) -> Centres:
    """One tour of mini-batches in random order: a centre moves by the share its new rows have of all it has seen."""
    k, means, modes = len(centres), centres.means.copy(), centres.modes.copy()
    seen, levels = np.zeros(k, np.int64), _levels(rows)
    words = [np.zeros((k, many), np.int64) for many in levels]
    starts = rng.permutation(np.arange(0, len(rows), _BATCH))[: max(1, (1 << 20) // _BATCH)]
    for first in starts.tolist():
        batch = rows.take(slice(first, first + _BATCH))
        labels, _ = nearest(batch, Centres(means, modes, centres.weight))
        sums, counts = _sums(batch, labels, k)
        seen += counts
        means += (sums - counts[:, None] * means) / np.maximum(seen, 1)[:, None]
        words = [kept + more for kept, more in zip(words, _tallies(batch, labels, k, levels), strict=True)]
        modes = _modes(words, modes, seen)
    return Centres(means, modes, centres.weight)
