"""Touches and reservations that count against caps and gaps, for a set of customers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, or_, select, type_coerce

from limner.core.limits import cap_fits, gap_fits
from limner.maths.distinct import distinct
from limner.store.ledger.many import among, beside
from limner.store.ledger.tables import outbox

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.core.ours import Cap
    from limner.flow.decisions.consent_book import ConsentBook

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
COUNTED = ("queued", "in_flight", "handed_over", "virtual")
_MICRO = timedelta(microseconds=1)
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Taken:
    """Touches and reservations sorted by (number, moment): shape (m,) each; moments in microseconds UTC."""

    number: Ints
    moment: Ints
    channel: npt.NDArray[np.object_]
    message_class: npt.NDArray[np.object_]

    def of(self, channels: Collection[str], classes: Collection[str]) -> Taken:
        """Those over the channels and classes named; none named means all."""
        keep = np.ones(self.number.size, bool)
        if channels:
            keep &= np.isin(self.channel, list(channels))
        if classes:
            keep &= np.isin(self.message_class, list(classes))
        return self.rows(np.flatnonzero(keep))

    def rows(self, place: Ints) -> Taken:
        """Those at these places."""
        return Taken(self.number[place], self.moment[place], self.channel[place], self.message_class[place])


def read_taken(
    connection: Connection, book: ConsentBook, numbers: Ints, earliest: int, latest: int, skip: Sequence[int] = ()
) -> Taken:
    """What counts for these customers between two moments (µs), leaving out the decisions in `skip`.

    A touch counts for the customer who has the identifier it went to now: a merge adds up, and its undoing gives back.
    """
    row, wanted = outbox.c, distinct(numbers)
    moment = type_coerce(row.moment, BigInteger)
    question = select(row.number, row.trace, moment, row.channel, row.message_class, row.decision).where(
        beside(row.state).in_(COUNTED), moment.between(earliest, latest)
    )
    if wanted.size <= _MANY:
        question = question.where(or_(among(row.trace, book.traces_of(wanted)), among(row.number, wanted)))
    found = connection.execute(question).all()
    number, trace, at, channel, classes, decision = list(zip(*found, strict=True)) or [()] * 6
    owner = book.owners(np.asarray(trace, np.int64), np.asarray(number, np.int64))
    taken = Taken(owner, np.asarray(at, np.int64), np.asarray(channel, object), np.asarray(classes, object))
    own = np.isin(np.asarray(decision, np.int64), np.asarray(skip, np.int64))
    mine = np.flatnonzero(np.isin(taken.number, wanted) & ~own)
    return taken.rows(mine[np.lexsort((taken.moment[mine], taken.number[mine]))])


def over_cap(numbers: Ints, moments: Ints, cap: Cap, taken: Taken, channel: str, message_class: str) -> Bools:
    """Who has no room left under a cap at their moment: shape (n,). A cap on other channels or classes binds nobody."""
    over = np.zeros(numbers.size, bool)
    if (cap.channels and channel not in cap.channels) or (cap.classes and message_class not in cap.classes):
        return over
    if cap.most <= 0:
        return ~over
    counted = taken.of(cap.channels, cap.classes)
    span = cap.within // _MICRO
    first, last = np.searchsorted(counted.number, numbers), np.searchsorted(counted.number, numbers, "right")
    for i in np.flatnonzero(last - first >= cap.most):  # only those with so many touches that they could be over
        mine = counted.moment[first[i] : last[i]].tolist()
        over[i] = not cap_fits(mine, int(moments[i]), cap.most, span)
    return over


def too_close(numbers: Ints, moments: Ints, gap: timedelta, taken: Taken) -> Bools:
    """Who has another touch nearer than the gap: shape (n,)."""
    if not taken.number.size or not gap:
        return np.zeros(numbers.size, bool)
    far = np.iinfo(np.int64).max
    # one sorted axis of (number, moment): the neighbours of each wished moment are the nearest touches
    base = int(min(taken.moment.min(), moments.min()))
    width = int(max(taken.moment.max(), moments.max())) - base + 1
    if width * (int(max(numbers.max(), taken.number.max())) + 1) >= far:
        return _too_close_each(numbers, moments, gap, taken)
    there = taken.number * width + (taken.moment - base)
    here = numbers * width + (moments - base)
    place = np.searchsorted(there, here)
    left, right = np.maximum(place - 1, 0), np.minimum(place, there.size - 1)
    distance = np.minimum(
        np.where(taken.number[left] == numbers, np.abs(taken.moment[left] - moments), far),
        np.where(taken.number[right] == numbers, np.abs(taken.moment[right] - moments), far),
    )
    return np.asarray(~gap_fits(distance, gap // _MICRO))


def _too_close_each(numbers: Ints, moments: Ints, gap: timedelta, taken: Taken) -> Bools:
    close = np.zeros(numbers.size, bool)
    first, last = np.searchsorted(taken.number, numbers), np.searchsorted(taken.number, numbers, "right")
    for i in np.flatnonzero(last > first):
        distance = np.abs(taken.moment[first[i] : last[i]] - moments[i]).min()
        close[i] = not gap_fits(distance, gap // _MICRO)
    return close
