"""Where values stand in a sorted array."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def lookup(
    keys: npt.NDArray[np.integer[Any]], wanted: npt.NDArray[np.integer[Any]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The place of each wanted value among sorted keys, shape (n,), and whether it is there at all.

    >>> place, here = lookup(np.array([2, 5]), np.array([5, 3]))
    >>> place[here].tolist(), here.tolist(), lookup(np.array([], int), np.array([1]))[1].tolist()
    ([1], [True, False], [False])
    """
    place = np.searchsorted(keys, wanted)
    if not keys.size:
        return place, np.zeros(wanted.size, bool)
    return place, np.asarray(keys[np.minimum(place, keys.size - 1)] == wanted)
