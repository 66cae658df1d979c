"""A share with its interval."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(cases: int, known: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share (Wilson, JASA 22, 1927); of nobody it is from 0 to 1.

    >>> low, high = wilson(50, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    if not known:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, extra = cases / known, z * z / known
    middle = (share + extra / 2) / (1 + extra)
    reach = z * math.sqrt(share * (1 - share) / known + extra / known / 4) / (1 + extra)
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    return (0.0 if cases == 0 else low), (1.0 if cases == known else high)
