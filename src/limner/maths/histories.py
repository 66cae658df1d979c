"""The purchase histories of buyers as unique rows: repeat purchases, age at the last of them, age at the asof.

The first purchase starts a history and is no repeat; the age runs to the asof, not to the last purchase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadInput, words

BAD_HISTORY = words(
    "history_impossible",
    "A purchase history has {repeats} repeat purchases, the last at {last} and the asof at {age} days after the first. "
    "Use whole numbers with 0 ≤ last ≤ age, and a last of 0 where there is no repeat.",
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WEEK = 7
"""Days in the unit of time of every fit."""


@dataclass(frozen=True, slots=True)
class Histories:
    """Different histories, shape (n,) each: repeats, weeks from the first purchase to the last and to the asof, and how
    many customers share the history. They stand in one order whatever the order of customers."""

    repeats: Floats
    last: Floats
    age: Floats
    customers: Floats

    @property
    def total(self) -> float:
        """How many customers there are."""
        return float(self.customers.sum())


def histories(
    repeats: npt.ArrayLike, last: npt.ArrayLike, age: npt.ArrayLike, customers: npt.ArrayLike | None = None
) -> tuple[Histories, Ints]:
    """The different histories of customers, and which one each customer has; times in whole days, shape (n,) each.

    `customers` says how many customers a row stands for (left out: one). BadInput for a history that cannot be.

    >>> found, place = histories([1, 0, 1], [7, 0, 7], [14, 21, 14])
    >>> found.customers.tolist(), found.age.tolist(), place.tolist()
    ([1.0, 2.0], [3.0, 2.0], [1, 0, 1])
    """
    x, t, whole = (np.asarray(values, np.int64) for values in (repeats, last, age))
    wrong = (x < 0) | (t < 0) | (t > whole) | ((x == 0) & (t > 0))
    if wrong.any():
        at = int(np.argmax(wrong))
        raise BadInput(BAD_HISTORY, repeats=int(x[at]), last=int(t[at]), age=int(whole[at]))
    room = int(whole.max(initial=0)) + 1
    packed, place = np.unique((x * room + t) * room + whole, return_inverse=True)
    counts = np.bincount(place, None if customers is None else np.asarray(customers, np.float64), len(packed))
    found = Histories(
        (packed // room // room).astype(np.float64),
        (packed // room % room) / WEEK,
        (packed % room) / WEEK,
        counts.astype(np.float64),
    )
    return found, np.asarray(place, np.int64)
