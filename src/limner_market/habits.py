"""When people act: the hours of the day by slot, and the months of the year."""

from __future__ import annotations

import numpy as np

from limner_market.chance import Floats, Ints
from limner_market.days import DAY

SLOTS = ("morning", "noon", "evening")
_PEAKS = ((8, 11), (11, 15), (19, 23))
_PLAIN = np.array(
    [1, 0.4, 0.2, 0.1, 0.1, 0.2, 0.6, 1.4, 2.4, 3, 3.4, 3.4, 3.6, 3.2, 2.8, 2.8, 2.8, 2.8, 3, 3.8, 4.6, 4.8, 4, 2.2]
)
_RANGE = np.arange(24)


def _hours() -> Floats:
    rows = []
    for first, last in _PEAKS:
        peak = ((first <= _RANGE) & (last > _RANGE)) / (last - first)
        rows.append(0.6 * peak + 0.4 * _PLAIN / _PLAIN.sum())
    return np.array(rows)


HOURS = _hours()
_SUMS = np.concatenate([np.zeros((len(SLOTS), 1)), np.cumsum(HOURS, axis=1)], axis=1)
_GRID = 512
_INVERSE = np.array(
    [[np.searchsorted(row[1:], (g + 0.5) / _GRID) for g in range(_GRID)] for row in _SUMS], dtype=np.int64
)


def time_of_day(slot: Ints, luck: Floats, fine: Floats) -> Ints:
    """Seconds after midnight: the hour by slot from `luck`, the second within it from `fine`."""
    hour = _INVERSE[slot, (luck * _GRID).astype(np.int64)]
    return hour * 3600 + (fine * 3600).astype(np.int64)


def share_after(slot: Ints, second: Ints) -> Floats:
    """The share of a person's acts that fall later in the day than `second` (seconds after midnight).

    >>> [round(float(x), 2) for x in share_after(np.array([2, 2]), np.array([0, 86_399]))]
    [1.0, 0.0]
    """
    hour = np.minimum(second // 3600, 23)
    part = (second - hour * 3600) / 3600.0
    return np.asarray(1.0 - (_SUMS[slot, hour] + HOURS[slot, hour] * part) / _SUMS[slot, 24])


def season(day: int) -> float:
    """How busy the mini-program is on a market day against an ordinary one: it has its two big sales."""
    month = int((np.datetime64("1970-01-01") + np.timedelta64(day, "D")).astype("datetime64[M]").astype(int)) % 12 + 1
    return {6: 1.35, 11: 1.6, 12: 1.1, 2: 0.75, 7: 0.9}.get(month, 1.0)


def opened(share: float) -> float:
    """How far the mini-program has found its users by a share of the years behind: it opened small.

    >>> opened(0.0), opened(1.0), opened(1.2)
    (0.05, 1.0, 1.0)
    """
    return float(0.05 + 0.95 * min(max(share, 0.0), 1.0) ** 2.5)


def hour_pull(slot: Ints, second: Ints) -> Floats:
    """How well a message handed over at `second` of the day lands: better inside one's own hours, a little worse
    outside."""
    hour = second % DAY // 3600
    first = np.array([p[0] for p in _PEAKS])[slot]
    last = np.array([p[1] for p in _PEAKS])[slot]
    return np.where((hour >= first) & (hour < last), 1.03, 0.97)
