"""How far a distribution has moved: the population stability index of two sets of counts."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

SMALL: Final = 0.1
LARGE: Final = 0.25
"""Below SMALL nothing has moved that matters; from LARGE on it is another population (Siddiqi, Credit Risk Scorecards,
2006). Chance alone gives about (bins − 1) × (1 / before + 1 / now)."""


def drift(before: npt.ArrayLike, now: npt.ArrayLike) -> float | None:
    """The index of two sets of counts over the same bins, shape (bins,); None when either counts nobody.

    Every bin is given half a case, so that none is empty. It does not depend on which of the two is called before.

    >>> drift([50, 50], [50, 50]), round(drift([90, 10], [50, 50]), 2), drift([0, 0], [1, 1])
    (0.0, 0.85, None)
    """
    first, second = np.asarray(before, np.float64), np.asarray(now, np.float64)
    if not first.sum() or not second.sum():
        return None
    a, b = ((counts + 0.5) / (counts.sum() + 0.5 * counts.size) for counts in (first, second))
    return float(((b - a) * np.log(b / a)).sum())
