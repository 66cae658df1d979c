"""Spans, local days and the half-open windows every view is cut by.

Windows of a day or more begin at a local midnight, so that day sums add up; shorter ones are exact. Instants are
UTC; a *day* is the number of local days since 1970-01-01.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from limner.core.errors import BadInput, words

BAD_SPAN = words(
    "bad_span", "The span {text!r} cannot be read. Write a number and a unit, such as 90d, 12h, 30m or 2w."
)
NAIVE = words("naive_instant", "The instant {value} has no zone. Write one, such as 2026-09-01T00:00+08:00.")
BAD_INSTANT = words(
    "bad_instant", "The instant {text!r} cannot be read. Write it as 2026-09-01 or 2026-09-01T08:30+08:00."
)

EPOCH = date(1970, 1, 1)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(days=7),
    "秒": timedelta(seconds=1),
    "分钟": timedelta(minutes=1),
    "小时": timedelta(hours=1),
    "天": timedelta(days=1),
    "日": timedelta(days=1),
    "周": timedelta(days=7),
}
_SPAN = re.compile(r"(\d{1,10})\s*([a-z]+|[秒分钟小时天日周]+)", re.ASCII | re.IGNORECASE)


def parse_span(text: str) -> timedelta:
    """Read a span; a bare ``0`` and a number without a unit are errors.

    >>> parse_span("90d")
    datetime.timedelta(days=90)
    >>> parse_span("2小时") == parse_span("120m")
    True
    """
    found = _SPAN.fullmatch(text.strip())
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise BadInput(BAD_SPAN, text=text)
    try:
        return int(found[1]) * unit
    except OverflowError:
        raise BadInput(BAD_SPAN, text=text) from None


def span_text(span: timedelta) -> str:
    """The shortest way to write a span.

    >>> span_text(parse_span("48h")), span_text(parse_span("90m"))
    ('2d', '90m')
    """
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def parse_instant(text: str, zone: tzinfo) -> datetime:
    """Read an ISO date or instant; without an offset it is local to `zone`. The answer is in UTC.

    >>> from zoneinfo import ZoneInfo
    >>> parse_instant("2026-09-01", ZoneInfo("Asia/Shanghai")).isoformat()
    '2026-08-31T16:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(BAD_INSTANT, text=text) from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def need_zone(instant: datetime) -> datetime:
    """The instant in UTC; an error when it has no zone."""
    if instant.tzinfo is None:
        raise BadInput(NAIVE, value=instant.isoformat())
    return instant.astimezone(UTC)


def day_of(instant: datetime, zone: tzinfo) -> int:
    """The local day an instant lies in, as days since 1970-01-01."""
    return (need_zone(instant).astimezone(zone).date() - EPOCH).days


def midnight(instant: datetime, zone: tzinfo) -> datetime:
    """The last local midnight at or before an instant, in UTC."""
    local = need_zone(instant).astimezone(zone)
    return datetime.combine(local.date(), time(), zone).astimezone(UTC)


def months_before(instant: datetime, months: int, zone: tzinfo) -> datetime:
    """The local midnight that many months before the day of an instant, in UTC; a day a month lacks is its last one.

    >>> from zoneinfo import ZoneInfo
    >>> months_before(datetime(2026, 3, 31, 5, tzinfo=UTC), 1, ZoneInfo("UTC")).date().isoformat()
    '2026-02-28'
    """
    local = need_zone(instant).astimezone(zone).date()
    year, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    last = monthrange(year, month + 1)[1]
    return datetime.combine(date(year, month + 1, min(local.day, last)), time(), zone).astimezone(UTC)


def day_start(day: int, zone: tzinfo) -> datetime:
    """The instant a local day begins, in UTC."""
    return datetime.combine(EPOCH + timedelta(days=day), time(), zone).astimezone(UTC)


def window(asof: datetime, span: timedelta, zone: tzinfo) -> tuple[datetime, datetime]:
    """The half-open window [start, end) of a span looking back from `asof`, in UTC.

    It ends at `asof`. A span of whole days is counted in local calendar days and begins at a local midnight:
    [midnight(asof) − span, asof), so that day sums add up. A shorter or broken span is exact: [asof − span, asof).

    >>> from zoneinfo import ZoneInfo
    >>> end = datetime(2026, 9, 1, 3, tzinfo=UTC)
    >>> [t.isoformat() for t in window(end, timedelta(days=1), ZoneInfo("Asia/Shanghai"))]
    ['2026-08-30T16:00:00+00:00', '2026-09-01T03:00:00+00:00']
    """
    end = need_zone(asof)
    if span < timedelta(days=1) or span % timedelta(days=1):
        return end - span, end
    return day_start(day_of(asof, zone) - span.days, zone), end
