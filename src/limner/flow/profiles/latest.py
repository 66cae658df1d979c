"""The rule for most traits: the latest statement counts; at the same instant, the one that came in last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from limner.flow.profiles.base import merge_rule

Ints = npt.NDArray[np.int64]


@merge_rule("latest")
def latest(number: Ints) -> Ints:
    """The last statement of each customer.

    >>> latest(np.array([1, 1, 4])).tolist()
    [1, 2]
    """
    return np.flatnonzero(np.diff(number, append=-1))


@merge_rule("first")
def first(number: Ints) -> Ints:
    """The first statement of each customer.

    >>> first(np.array([1, 1, 4])).tolist()
    [0, 2]
    """
    return np.flatnonzero(np.diff(number, prepend=-1))
