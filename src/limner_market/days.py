"""Days and seconds of the market's own wall clock (Asia/Shanghai, +08:00 all year since 1992).

A *day* is days since 1970-01-01 on that wall clock; a *second* is seconds since then, also on that wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from limner_market.chance import Ints

ZONE = ZoneInfo("Asia/Shanghai")
OFFSET = timezone(timedelta(hours=8))
DAY = 86_400
SHIFT = 8 * 3_600
_EPOCH = date(1970, 1, 1)


def day_of(moment: date | datetime) -> int:
    """The market day of a date, or of an instant with a zone.

    >>> day_of(date(1970, 1, 3)), day_of(datetime(1970, 1, 2, 20, tzinfo=UTC))
    (2, 2)
    """
    if isinstance(moment, datetime):
        moment = moment.astimezone(ZONE).date()
    return (moment - _EPOCH).days


def second_of(moment: datetime) -> int:
    """The market second of an instant with a zone.

    >>> second_of(datetime(1970, 1, 1, 0, tzinfo=UTC)) // 3600
    8
    """
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) + SHIFT


def date_of(day: int) -> date:
    """The calendar date of a market day."""
    return _EPOCH + timedelta(days=int(day))


def instant_of(second: int) -> datetime:
    """The instant, with the market's zone, of a market second."""
    return datetime.fromtimestamp(int(second) - SHIFT, tz=UTC).astimezone(ZONE)


@dataclass(frozen=True, slots=True)
class Period:
    """Market days [first, last) and the word its files carry (`2026-03`, or `20260901-20260916`)."""

    word: str
    first: int
    last: int


def months(first: int, last: int) -> tuple[Period, ...]:
    """The calendar months that cover market days [first, last), the outer two cut to it; none when empty.

    >>> [m.word for m in months(day_of(date(2026, 1, 20)), day_of(date(2026, 3, 1)))]
    ['2026-01', '2026-02']
    """
    found: list[Period] = []
    while first < last:
        here = date_of(first)
        after = date(here.year + here.month // 12, here.month % 12 + 1, 1)
        end = min(day_of(after), last)
        found.append(Period(f"{here:%Y-%m}", first, end))
        first = end
    return tuple(found)


_CLOCK = pa.array([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(DAY)])


def stamp_text(seconds: Ints, between: str = " ", after: str = "") -> pa.Array:
    """Seconds as text `2026-03-05 14:02:11`; with `between="T", after="+08:00"` as ISO. Negative seconds become
    null."""
    if len(seconds) == 0:
        return pa.array([], pa.string())
    known = seconds[seconds >= 0]
    if len(known) == 0:
        return pa.nulls(len(seconds), pa.string())
    first, last = int(known.min()) // DAY, int(known.max()) // DAY
    dates = pa.array([date_of(d).isoformat() for d in range(first, last + 1)])
    missing = seconds < 0
    day = pa.array(np.where(missing, 0, seconds // DAY - first), mask=missing)
    text = pc.binary_join_element_wise(
        dates.take(day), between, _CLOCK.take(pa.array(np.where(missing, 0, seconds % DAY))), ""
    )
    return pc.binary_join_element_wise(text, after, "") if after else text


def stamps(seconds: Ints) -> pa.Array:
    """Seconds as Arrow timestamps in UTC microseconds with zone Asia/Shanghai; negative seconds become null."""
    micro = (seconds - SHIFT) * 1_000_000
    return pa.array(micro, mask=seconds < 0).cast(pa.timestamp("us", "Asia/Shanghai"))
