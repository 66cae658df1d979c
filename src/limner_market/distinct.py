"""Different numbers of an array."""

from __future__ import annotations

import numpy as np

from limner_market.chance import Ints


def distinct(values: Ints) -> Ints:
    """Each value once, sorted; by sorting, which beats a table of hashes when most values differ.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    found = np.sort(values)
    return found[np.r_[True, found[1:] != found[:-1]]] if found.size else found
