"""Checks learnt from the loads before: what is usual, and how far a load may be from it. They report.

The usual is the median of the last loads, the room around it five deviations (1.4826 × the median absolute deviation,
which is one standard deviation where values are normal). Where three loads before fell on the same weekday, only these
are looked at. Shares are compared by the stability index, distributions by the largest distance of their sums
(Kolmogorov–Smirnov, over steps of a quarter octave). Fewer than five loads before: nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Final

from limner.flow.sources.loads import Load
from limner.flow.sources.quality.figures import OTHER, ByTable, Figures, Shares, tables_of
from limner.flow.sources.quality.said import number, percent, said_span

FEWEST: Final = 5
"""Loads before, from which something is usual."""

LAST: Final = 20
"""The loads before that are looked at."""

_DEVIATIONS, _NORMAL = 5.0, 1.4826
_SAME_WEEKDAY: Final = 3
_LEAST_ROWS: Final = 50
"""Rows from which shares and distributions are compared."""

LEAST_DRIFT: Final = 0.25
"""A stability index below this is never a drift (0.1 is said to be small, 0.25 large)."""

LEAST_DISTANCE: Final = 0.15
"""A distance of distributions below this is never a drift."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A load as its figures show it: rows read, when it came, what it brought to each table."""

    load: int
    rows: int
    started_at: datetime
    tables: ByTable = field(default_factory=dict)

    @property
    def newest(self) -> int | None:
        """Its newest moment, in microseconds UTC."""
        return max((one.newest for one in self.tables.values() if one.newest is not None), default=None)


def seen(load: Load, tables: ByTable) -> Seen:
    """A load with its figures."""
    return Seen(load.load, load.counts.rows, load.started_at, tables)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was found of one subject and what is usual; `is_good` None when too little came before."""

    check: str
    subject: str
    value: str
    bound: str
    is_good: bool | None
    bad: int | None = None
    rows: int | None = None


def learnt(now: Seen, past: Sequence[Seen], zone: tzinfo) -> Iterator[Learnt]:
    """Every learnt check over a load; `past` are the loads before, oldest first."""
    alike = _alike(now, past, zone)
    yield _volume(now, alike)
    yield from _freshness(now, past)
    for table in tables_of([now.tables, *(one.tables for one in past)]):
        mine = now.tables.get(table, Figures(0))
        before = [one.tables[table] for one in past if table in one.tables]
        if len(before) >= FEWEST:
            yield from _empty(table, mine, before)
            yield from _shares(table, mine, before)
            yield from _shapes(table, mine, before)


def _alike(now: Seen, past: Sequence[Seen], zone: tzinfo) -> Sequence[Seen]:
    """The loads before of the same weekday, when there are enough; else all."""
    day = weekday(now, zone)
    same = [one for one in past if weekday(one, zone) == day]
    return same if len(past) >= FEWEST and len(same) >= _SAME_WEEKDAY else past


def weekday(one: Seen, zone: tzinfo) -> int:
    """The weekday a load speaks of: that of its newest moment, or of its coming."""
    moment = one.started_at if one.newest is None else datetime.fromtimestamp(one.newest / 1e6, UTC)
    return moment.astimezone(zone).weekday()


def room(values: Sequence[float], least: float) -> tuple[float, float]:
    """What is usual and the room around it.

    >>> room([10, 11, 12, 11, 50], least=1)
    (11, 7.412999999999999)
    """
    middle = median(values)
    spread = median(abs(value - middle) for value in values)
    return middle, max(_DEVIATIONS * _NORMAL * spread, least)


def _volume(now: Seen, past: Sequence[Seen]) -> Learnt:
    values = [one.rows for one in past]
    if len(values) < _SAME_WEEKDAY:
        return Learnt("volume", "rows", number(now.rows), "", None)
    middle, around = room(values, 0.2 * median(values))
    low, high = max(0, math.ceil(middle - around)), math.floor(middle + around)
    return Learnt("volume", "rows", number(now.rows), f"{low:,} … {high:,}", low <= now.rows <= high)


def _freshness(now: Seen, past: Sequence[Seen]) -> Iterator[Learnt]:
    ages = [_age(one) for one in past]
    known = [age for age in ages if age is not None]
    mine = _age(now)
    if mine is None or len(known) < FEWEST:
        return
    middle, around = room(known, max(3_600.0, 0.5 * median(known)))
    bound = said_span(timedelta(seconds=middle + around))
    value = said_span(timedelta(seconds=mine))
    yield Learnt("freshness", "happened_at", value, f"≤ {bound}", mine <= middle + around)


def _age(one: Seen) -> float | None:
    """Seconds from the newest moment to the load."""
    return None if one.newest is None else one.started_at.timestamp() - one.newest / 1e6


def _empty(table: str, now: Figures, past: Sequence[Figures]) -> Iterator[Learnt]:
    """Columns that were filled before: are more empty now?"""
    for column in sorted({name for one in past for name in one.filled}):
        shares = [1 - one.filled.get(column, 0) / one.seen for one in past if one.seen]
        if not now.seen or len(shares) < FEWEST:
            continue
        bad = now.seen - now.filled.get(column, 0)
        middle, around = room(shares, 0.05)
        most = min(1.0, middle + around)
        said = (percent(Decimal(bad) / now.seen), f"≤ {percent(Decimal(most))}")
        yield Learnt("null_share", f"{table}.{column}", *said, bad / now.seen <= most, bad, now.seen)


def _shares(table: str, now: Figures, past: Sequence[Figures]) -> Iterator[Learnt]:
    for column in _columns([one.categories for one in past]):
        before = [one.categories.get(column, {}) for one in past]
        mine = now.categories.get(column, {})
        yield from _drift("categories", f"{table}.{column}", mine, before, stability, LEAST_DRIFT)


def _shapes(table: str, now: Figures, past: Sequence[Figures]) -> Iterator[Learnt]:
    for column in _columns([one.numbers for one in past]):
        before = [one.numbers.get(column, {}) for one in past]
        mine = now.numbers.get(column, {})
        yield from _drift("distribution", f"{table}.{column}", mine, before, distance, LEAST_DISTANCE)


def _columns(past: Sequence[Mapping[str, Shares]]) -> list[str]:
    return sorted({column for one in past for column in one})


def _drift(
    check: str, subject: str, mine: Shares, past: Sequence[Shares], far: Callable[[Shares, Shares], float],
    least: float,
) -> Iterator[Learnt]:  # fmt: skip
    """How far a load is from those before together, held against how far each of them was from the others."""
    large = [one for one in past if sum(one.values()) >= _LEAST_ROWS]
    if len(large) < FEWEST or sum(mine.values()) < _LEAST_ROWS:
        return
    usual = [far(one, together([other for other in large if other is not one])) for one in large]
    middle, around = room(usual, 0.0)
    most = max(least, middle + around)
    found = far(mine, together(large))
    value, bound = f"{found:.3f}", f"≤ {most:.3f}"
    yield Learnt(check, subject, value, bound, found <= most, None, sum(mine.values()))


def together(several: Sequence[Shares]) -> dict[str, int]:
    """Counts added up."""
    found: dict[str, int] = {}
    for one in several:
        for key, count in one.items():
            found[key] = found.get(key, 0) + count
    return found


def stability(one: Shares, other: Shares) -> float:
    """The stability index of two sets of counts, less what chance alone gives samples of these sizes.

    The index is Σ (p − q) · ln(p / q) over shares; by chance it is about (k − 1) · (1/n + 1/m) for k values. A value
    that one of them lacks counts as half a row there. Alike: 0.

    >>> round(stability({"a": 500, "b": 500}, {"a": 500, "b": 500}), 3)
    0.0
    >>> stability({"a": 900, "b": 100}, {"a": 500, "b": 500}) > 0.25
    True
    """
    keys = {*one, *other} - {OTHER} | ({OTHER} if OTHER in one and OTHER in other else set())
    n, m = (sum(counts.get(key, 0) for key in keys) for counts in (one, other))
    if not n or not m:
        return 0.0
    index = 0.0
    for key in sorted(keys):
        p, q = max(one.get(key, 0), 0.5) / n, max(other.get(key, 0), 0.5) / m
        index += (p - q) * math.log(p / q)
    return max(0.0, index - (len(keys) - 1) * (1 / n + 1 / m))


def distance(one: Shares, other: Shares) -> float:
    """The largest distance of the sums of two sets of counts by size, less what chance gives (1.36 · √(1/n + 1/m)).

    >>> distance({"1000": 100}, {"1000": 100}), distance({"1000": 1000}, {"1040": 1000}) > 0.9
    (0.0, True)
    """
    n, m = sum(one.values()), sum(other.values())
    if not n or not m:
        return 0.0
    most, a, b = 0.0, 0, 0
    for size in sorted({*one, *other}, key=int):
        a, b = a + one.get(size, 0), b + other.get(size, 0)
        most = max(most, abs(a / n - b / m))
    return max(0.0, most - 1.36 * math.sqrt(1 / n + 1 / m))


# ------------------------------------------------------------------------------------------------ rhythm


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a source is late: the span from its last load after which the next is overdue."""

    last_at: datetime
    usual: timedelta
    latest: timedelta

    def is_late(self, now: datetime) -> bool:
        """Whether the next load should have come."""
        return now - self.last_at > self.latest


def rhythm(moments: Sequence[datetime], zone: tzinfo) -> Rhythm | None:
    """How often a source comes, by the moments of its loads, oldest first; None with too few.

    Loads within an hour of one another are one coming. The span that follows a weekday is learnt from that weekday
    where it was seen three times: a source that rests on Sundays is not late on one.
    """
    comings = [at for place, at in enumerate(moments) if not place or at - moments[place - 1] > timedelta(hours=1)]
    spans = [(a.astimezone(zone).weekday(), b - a) for a, b in pairwise(comings)]
    if len(spans) < FEWEST:
        return None
    today = comings[-1].astimezone(zone).weekday()
    same = [span for day, span in spans if day == today]
    wanted = [span.total_seconds() for span in (same if len(same) >= _SAME_WEEKDAY else [s for _, s in spans])]
    middle, around = room(wanted, 0.5 * median(wanted))
    return Rhythm(moments[-1], timedelta(seconds=middle), timedelta(seconds=middle + around))
