"""The rules of the gate, and nowhere else: what a limit allows, and in which order it is asked.

Every function works on single values and on NumPy arrays alike: one customer is a column of length one. They are asked
twice: at the grant, and again inside the transaction that hands the message over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

REASONS = (
    "eligible",
    "applicable",
    "suitable",
    "address",
    "consent",
    "caps",
    "gaps",
    "quiet",
    "capacity",
    "budget",
    "value",
)
"""Why a wish may be refused, in the order the gate asks; the first no is the reason, so that reasons add up."""

DAY_MINUTES = 24 * 60


def minutes(clock: str) -> int:
    """Minutes after midnight of a clock time; 24:00 is the end of the day.

    >>> minutes("08:30")
    510
    """
    hour, _, minute = clock.partition(":")
    total = int(hour) * 60 + int(minute or 0)
    if not 0 <= total <= DAY_MINUTES or not 0 <= int(minute or 0) < 60:
        raise ValueError(clock)
    return total


def is_quiet(minute: Any, start: int, end: int) -> Any:
    """Whether a local minute of the day lies in the quiet hours [start, end), which may wrap midnight.

    >>> is_quiet(minutes("22:00"), minutes("21:00"), minutes("08:00")), is_quiet(480, 1260, 480)
    (True, False)
    """
    if start == end:
        return (minute < 0) & (minute >= 0)
    if start < end:
        return (minute >= start) & (minute < end)
    return (minute >= start) | (minute < end)


def open_spans(start: int, end: int, hours: tuple[int, int] = (0, DAY_MINUTES)) -> list[tuple[int, int]]:
    """The parts of a local day outside the quiet hours and inside `hours`, in order, as half-open minutes.

    >>> open_spans(21 * 60, 8 * 60, (7 * 60, 22 * 60))
    [(480, 1260)]
    """
    if start == end:
        loud = [(0, DAY_MINUTES)]
    elif start < end:
        loud = [(0, start), (end, DAY_MINUTES)]
    else:
        loud = [(end, start)]
    cut = [(max(a, hours[0]), min(b, hours[1])) for a, b in loud]
    return [(a, b) for a, b in cut if a < b]


def cap_fits(taken: Sequence[int], moment: int, most: int, span: int) -> bool:
    """Whether one more touch at `moment` keeps every window of length `span` that contains it at `most` or fewer.

    `taken` are the moments of touches and reservations that count, sorted; same unit as `span`. A window is half-open:
    two touches exactly `span` apart never lie in one.

    >>> cap_fits([0, 9], 5, most=2, span=10), cap_fits([0, 10], 5, most=2, span=10), cap_fits([0], 10, 1, 10)
    (False, True, True)
    """
    around = [t for t in taken if -span < t - moment < span]
    around.append(moment)
    around.sort()
    return all(
        around[i + most] - around[i] >= span or not around[i] <= moment <= around[i + most]
        for i in range(len(around) - most)
    )


def gap_fits(distance: Any, gap: Any) -> Any:
    """Whether the nearest other touch is far enough away."""
    return distance >= gap


def capacity_fits(used: Any, capacity: Any) -> Any:
    """Whether one more message fits."""
    return used < capacity


def budget_fits(spent: Any, cost: Any, budget: Any) -> Any:
    """Whether a cost fits into what is left."""
    return spent + cost <= budget
