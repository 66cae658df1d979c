"""Pairs of rows that share a key: what there is to compare when not everything can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Met:
    """Pairs of rows, shape (p,) each, `low` < `high`; and how many keys were shared by too many rows to be used."""

    low: Ints
    high: Ints
    crowded: int = 0


def together(codes: list[Ints]) -> Ints:
    """One code for several columns of codes, shape (n,); −1 where any of them is unknown (−1).

    >>> together([np.array([0, 0, 1, -1]), np.array([5, 5, 5, 5])]).tolist()
    [0, 0, 1, -1]
    """
    whole = codes[0].astype(np.int64)
    for part in codes[1:]:
        known = (whole >= 0) & (part >= 0)
        both = whole[known] * (int(part.max(initial=0)) + 1) + part[known]
        whole = np.full(whole.size, -1, np.int64)
        whole[known] = np.unique(both, return_inverse=True)[1]
    return whole


def cost(key: Ints, most: int) -> tuple[int, int]:
    """How many pairs `meet` would give, and how many keys it would leave out, without making them.

    >>> cost(np.array([7, 7, 7, 2, -1]), most=5)
    (3, 0)
    """
    size = np.bincount(np.unique(key[key >= 0], return_inverse=True)[1]) if (key >= 0).any() else np.empty(0, np.int64)
    used = size[size <= most].astype(np.int64)
    return int((used * (used - 1) // 2).sum()), int((size > most).sum())


def meet(key: Ints, most: int) -> Met:
    """All pairs of rows with the same key, −1 meeting nobody; a key shared by more than `most` rows is left out.

    >>> found = meet(np.array([7, 2, 7, 7, -1, -1]), most=3)
    >>> list(zip(found.low.tolist(), found.high.tolist())), found.crowded
    ([(0, 2), (0, 3), (2, 3)], 0)
    """
    rows = np.flatnonzero(key >= 0)
    order = rows[np.argsort(key[rows], kind="stable")]
    sorted_key = key[order]
    starts = np.flatnonzero(np.diff(sorted_key, prepend=-1))
    size = np.diff(starts, append=order.size)
    fits = size <= most
    ends = np.repeat(starts + size, size)
    partners = np.where(np.repeat(fits, size), ends - 1 - np.arange(order.size), 0)
    first = np.repeat(np.arange(order.size), partners)
    offset = np.arange(first.size) - np.repeat(np.cumsum(partners) - partners, partners)
    return Met(order[first], order[first + 1 + offset], int((~fits).sum()))
