"""Which probable pairs may be joined by themselves: the best first, and never two that must stay apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from limner.flow.identity.matching.base import Ints


def joinable(
    pairs: Iterable[tuple[int, int]],
    *,
    owner: Ints,
    apart: Iterable[tuple[int, int]] = (),
    joined: Iterable[tuple[int, int]] = (),
) -> npt.NDArray[np.bool_]:
    """Whether each pair, in the order given, may be joined after those before it, shape (p,).

    A chain must not do what a pair may not: no two records with different `owner` codes (−1: none), and none of the
    pairs held `apart`, ever stand in one group. `joined` are pairs that stand already, whatever they hold.

    >>> joinable([(0, 1), (1, 2)], owner=np.array([7, -1, 8])).tolist()
    [True, False]
    """
    groups = _Groups(owner)
    for one, other in joined:
        groups.join(one, other)
    for one, other in apart:
        groups.part(one, other)
    return np.array([groups.try_join(one, other) for one, other in pairs], bool)


class _Groups:
    """Sets of rows with what they may not stand with; a row is made known when it is first named."""

    def __init__(self, owner: Ints) -> None:
        self.owner = owner
        self.parent: dict[int, int] = {}
        self.owns: dict[int, set[int]] = {}
        self.foes: dict[int, set[int]] = {}

    def root(self, row: int) -> int:
        if row not in self.parent:
            self.parent[row] = row
            code = int(self.owner[row]) if self.owner.size else -1
            self.owns[row] = {code} if code >= 0 else set()
            self.foes[row] = set()
        while self.parent[row] != row:
            self.parent[row] = self.parent[self.parent[row]]
            row = self.parent[row]
        return row

    def part(self, one: int, other: int) -> None:
        a, b = self.root(one), self.root(other)
        self.foes[a].add(other)
        self.foes[b].add(one)

    def join(self, one: int, other: int) -> None:
        a, b = sorted((self.root(one), self.root(other)))
        if a != b:
            self.parent[b] = a
            self.owns[a] |= self.owns.pop(b)
            self.foes[a] |= self.foes.pop(b)

    def try_join(self, one: int, other: int) -> bool:
        a, b = self.root(one), self.root(other)
        if a == b:
            return True
        owns = self.owns[a] | self.owns[b]
        new_owner = len(owns) > max(len(self.owns[a]), len(self.owns[b]), 1)
        if new_owner or any(self.root(foe) == b for foe in self.foes[a]):
            return False
        self.join(a, b)
        return True
