"""Trees that are added up, and what each input adds to one answer: Shapley values against others.

An input is known when it has the customer's value and not known when it has that of somebody else; its share is the
mean of what it changes over all orders in which inputs become known, and over all others (Lundberg and Lee 2017,
NeurIPS 30). Leaf by leaf this is exact (interventional TreeSHAP: Lundberg et al. 2020, Nature Machine Intelligence 2):
the shares add up to the answer less the mean answer of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import factorial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Path = dict[int, list[tuple[int, bool]]]

_FIELDS: Final = ("feature", "threshold", "left", "right", "is_nan_left", "is_leaf", "value")


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes by place, the first is the root: a row goes left where its feature is at most the threshold, or unknown and
    `is_nan_left`. The value of a leaf is what the tree adds."""

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    is_nan_left: Bools
    is_leaf: Bools
    value: Floats

    def sides(self, rows: Floats) -> Bools:
        """Whether each row would go left at each node: shape (n, f) to (n, nodes)."""
        found = rows[:, self.feature]
        return np.where(np.isnan(found), self.is_nan_left, found <= self.threshold)

    def leaves(self) -> Iterator[tuple[float, Path]]:
        """The value of each leaf, and for each feature the nodes on its way with the side it lies on."""
        waiting: list[tuple[int, Path]] = [(0, {})]
        while waiting:
            node, path = waiting.pop()
            if self.is_leaf[node]:
                yield float(self.value[node]), path
                continue
            feature = int(self.feature[node])
            for side, child in ((True, self.left[node]), (False, self.right[node])):
                waiting.append((int(child), {**path, feature: [*path.get(feature, []), (node, side)]}))


@dataclass(frozen=True, slots=True)
class Forest:
    """A baseline and trees whose values are added to it.

    >>> one = Tree(np.array([1, 0, 0]), np.array([3.0, 0, 0]), np.array([1, 0, 0]), np.array([2, 0, 0]),
    ...     np.zeros(3, bool), np.array([False, True, True]), np.array([0.0, -1.0, 2.0]))
    >>> found = Forest(0.5, (one,))
    >>> found.raw(np.array([[9.0, 1.0], [9.0, 4.0]])).tolist()
    [-0.5, 2.5]
    >>> found.shares(np.array([9.0, 4.0]), np.array([[9.0, 1.0], [9.0, 4.0]])).tolist()
    [0.0, 1.5]
    """

    baseline: float
    trees: tuple[Tree, ...]

    def raw(self, rows: npt.ArrayLike) -> Floats:
        """The answers: shape (n, f) to (n,)."""
        told = np.asarray(rows, np.float64)
        total = np.full(len(told), self.baseline)
        everyone = np.arange(len(told))
        for tree in self.trees:
            sides, node = tree.sides(told), np.zeros(len(told), np.int64)
            while not (is_there := tree.is_leaf[node]).all():
                onward = np.where(sides[everyone, node], tree.left[node], tree.right[node])
                node = np.where(is_there, node, onward)
            total += tree.value[node]
        return total

    def shares(self, row: npt.ArrayLike, others: npt.ArrayLike) -> Floats:
        """What each feature of a row (f,) adds to its answer against the mean answer of others (m, f); shape (f,)."""
        mine, rest = np.asarray(row, np.float64), np.asarray(others, np.float64)
        found = np.zeros(len(mine))
        for tree in self.trees:
            my_sides, sides = tree.sides(mine[None, :])[0], tree.sides(rest)
            for value, path in tree.leaves():
                if not path:
                    continue
                features = np.array(list(path), np.int64)
                ours = np.array([all(my_sides[node] == side for node, side in way) for way in path.values()], np.bool_)
                theirs = np.stack([_all(sides, way) for way in path.values()], axis=1)
                found[features] += value * _leaf(ours, theirs)
        return found

    def body(self) -> dict[str, Any]:
        """The forest as JSON-able values."""
        trees = [{name: getattr(tree, name).tolist() for name in _FIELDS} for tree in self.trees]
        return {"baseline": self.baseline, "trees": trees}


def read(body: Mapping[str, Any]) -> Forest:
    """A forest of what `body` gave."""
    kinds = (np.int64, np.float64, np.int64, np.int64, np.bool_, np.bool_, np.float64)
    trees = [
        Tree(*(np.array(one[name], kind) for name, kind in zip(_FIELDS, kinds, strict=True))) for one in body["trees"]
    ]
    return Forest(float(body["baseline"]), tuple(trees))


def _all(sides: Bools, way: list[tuple[int, bool]]) -> Bools:
    return np.asarray(np.logical_and.reduce([sides[:, node] == side for node, side in way]), np.bool_)


def _leaf(ours: Bools, theirs: Bools) -> Floats:
    """What each feature on the way to a leaf (d,) adds to reaching it, the mean over the others (m, d).

    Where p features lead there by our value alone and q by theirs alone, each of the p adds (p − 1)! q! / (p + q)!, and
    each of the q takes p! (q − 1)! / (p + q)!; where one leads there by neither value, the leaf is out of reach.
    """
    by_ours, by_theirs = ours & ~theirs, theirs & ~ours
    is_near = (ours | theirs).all(axis=1)
    p, q = by_ours.sum(axis=1), by_theirs.sum(axis=1)
    gain, loss = _WEIGHTS[p, q] * is_near, _WEIGHTS[q, p] * is_near
    found: Floats = (by_ours * gain[:, None] - by_theirs * loss[:, None]).mean(axis=0)
    return found


_DEEPEST: Final = 64
_WEIGHTS: Final = np.array(
    [
        [factorial(p - 1) * factorial(q) / factorial(p + q) if p else 0.0 for q in range(_DEEPEST)]
        for p in range(_DEEPEST)
    ]
)
