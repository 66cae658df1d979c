"""Training sets that do not leak: what was known at past instants, and what came after each.

A *slice* stands at an instant `asof`: its features are tags as known then (nothing later is in them), its labels are
events in [asof, until). Slices lie one horizon apart, so no event is a label twice, and the newest label window ends
where we stand: nothing from the future is asked. Learning goes forward in time: fit on the oldest slices, calibrate on
a later one, test on the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from limner.core.errors import BadInput, words
from limner.core.spans import day_of, day_start, need_zone

SPAN_BROKEN = words(
    "horizon_broken",
    "The horizon {horizon} cannot be used. Use whole days, at least one, so that windows meet at midnight.",
)
TOO_FEW_SLICES = words(
    "slices_too_few", "{count} past instants cannot train and test a model. Use at least {least}: fit, calibrate, test."
)
SLICES_OVERLAP = words(
    "slices_overlap", "The label window of {first} runs to {until} and meets features as of {second}. Put them apart."
)
LEAST_SLICES = 3


@dataclass(frozen=True, slots=True)
class Slice:
    """One past instant: features as of `asof`, labels from events in [asof, until)."""

    asof: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Split:
    """Which slices fit, which one calibrates, which one tests; in the order of time."""

    fit: tuple[Slice, ...]
    calibrate: Slice
    test: Slice

    @property
    def all(self) -> tuple[Slice, ...]:
        return (*self.fit, self.calibrate, self.test)


def slices(asof: datetime, horizon: timedelta, count: int, zone: tzinfo) -> tuple[Slice, ...]:
    """The `count` last slices before `asof`, oldest first, cut at local midnights.

    >>> from datetime import UTC
    >>> [s.asof.day for s in slices(datetime(2026, 9, 1, 10, tzinfo=UTC), timedelta(days=7), 3, UTC)]
    [11, 18, 25]
    """
    if horizon < timedelta(days=1) or horizon % timedelta(days=1):
        raise BadInput(SPAN_BROKEN, horizon=horizon)
    if count < LEAST_SLICES:
        raise BadInput(TOO_FEW_SLICES, count=count, least=LEAST_SLICES)
    last = day_of(asof, zone)
    edges = [day_start(last - k * horizon.days, zone) for k in range(count, -1, -1)]
    return tuple(Slice(start, until) for start, until in pairwise(edges))


def split(found: Sequence[Slice], asof: datetime) -> Split:
    """Split slices in the order of time; `BadInput` when windows overlap or reach past `asof`."""
    if len(found) < LEAST_SLICES:
        raise BadInput(TOO_FEW_SLICES, count=len(found), least=LEAST_SLICES)
    ordered = sorted(found, key=lambda one: one.asof)
    for first, second in pairwise(ordered):
        if first.until > second.asof or first.until <= first.asof:
            raise BadInput(SLICES_OVERLAP, first=first.asof, until=first.until, second=second.asof)
    if ordered[-1].until > need_zone(asof):
        raise BadInput(SLICES_OVERLAP, first=ordered[-1].asof, until=ordered[-1].until, second=asof)
    return Split(tuple(ordered[:-2]), ordered[-2], ordered[-1])
