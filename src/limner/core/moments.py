"""Dates and times in the many forms shops write them, read into UTC.

A stamp without a zone is read in the source's zone. A wall time that a daylight-saving change skips is read with the
offset before the change; one that occurs twice is the later of the two: in both cases the smaller offset of the two,
which is standard time. The lake's SQL reads the same way.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, Literal, NamedTuple

from limner.core.normal import is_empty, text

Order = Literal["ymd", "dmy", "mdy"]
"""How a date such as 1/2/2026 is ordered when the year does not lead."""

FIRST_YEAR: Final = 1971
LAST_YEAR: Final = 2098
"""1970 and 2099 are what broken clocks and open ends look like; both are refused."""

_EXCEL_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a wall date, zoned later
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(NamedTuple):
    """An instant in UTC and the offset it was written with in minutes (None: none, or Z); or why there is none."""

    instant: datetime | None
    offset: int | None = None
    reason: str | None = None


_DATE = r"(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*[日号]?"
_OTHER = r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4})"
_TIME = (
    r"(?:[T\s]*(?:星期.|周.)?\s*(?P<half1>上午|下午|凌晨|早上|中午|晚上|am|pm)?\s*(?P<h>\d{1,2})\s*[:时点]\s*(?P<n>\d{1,2})?"
    r"(?:\s*[:分]\s*(?P<s>\d{1,2})?)?(?:[.,](?P<f>\d{1,9}))?\s*秒?\s*(?P<half2>am|pm)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{1,2})?)?"
)
_COMPACT = re.compile(
    r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:[T\s]?(?P<h>\d{2}):?(?P<n>\d{2}):?(?P<s>\d{2})?(?:\.(?P<f>\d{1,9}))?"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?)?"
)
_LED_BY_YEAR = re.compile(_DATE + _TIME, re.I)
_LED_BY_DAY = re.compile(_OTHER + _TIME, re.I)
_EPOCH_FORM = re.compile(r"(\d{10})(?:\.\d+)?|\d{13}|\d{16}")
_SERIAL_FORM = re.compile(r"\d{5}(?:\.\d+)?")
_AFTERNOON: Final = frozenset({"下午", "晚上", "pm"})


def moment(
    raw: str | None, zone: tzinfo, *, order: Order = "ymd", first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR
) -> Moment:
    """Read one stamp: ISO, slashes, Chinese, compact, epoch seconds or milliseconds, spreadsheet day numbers.

    Years run from `first_year` to `last_year`, both allowed. Empty text gives an empty answer without a reason.

    >>> from zoneinfo import ZoneInfo
    >>> moment("2026年9月1日 下午3:05", ZoneInfo("Asia/Shanghai")).instant.isoformat()
    '2026-09-01T07:05:00+00:00'
    >>> moment("2026-09-01T08:05:00+09:00", UTC).offset
    540
    >>> moment("1/2/2026", UTC).reason
    'day and month cannot be told apart'
    """
    plain = text(raw) if raw is not None else ""
    if is_empty(plain):
        return Moment(None)
    try:
        return _bounded(_read(plain, zone, order), zone, first_year, last_year)
    except (ValueError, OverflowError):
        return Moment(None, None, "not a date or time")


def _bounded(found: Moment, zone: tzinfo, first_year: int, last_year: int) -> Moment:
    if found.instant is None:
        return found
    year = found.instant.astimezone(zone).year
    return found if first_year <= year <= last_year else Moment(None, None, "date out of range")


def _read(plain: str, zone: tzinfo, order: Order) -> Moment:
    if plain[0].isdigit() and plain.replace(".", "", 1).isdigit():
        return _numeric(plain, zone)
    found = _LED_BY_YEAR.fullmatch(plain) or _COMPACT.fullmatch(plain)
    if found:
        return _stamp(found, (found["y"], found["m"], found["d"]), zone)
    found = _LED_BY_DAY.fullmatch(plain)
    if not found:
        return Moment(None, None, "not a date or time")
    if order == "ymd":
        return Moment(None, None, "day and month cannot be told apart")
    day, month = (found["a"], found["b"]) if order == "dmy" else (found["b"], found["a"])
    return _stamp(found, (found["y"], month, day), zone)


def _numeric(plain: str, zone: tzinfo) -> Moment:
    if _EPOCH_FORM.fullmatch(plain):
        whole = plain.split(".")[0]
        micros = {10: int(float(plain) * 1_000_000), 13: int(whole) * 1000, 16: int(whole)}[len(whole)]
        return Moment(_EPOCH + timedelta(microseconds=micros))
    if _SERIAL_FORM.fullmatch(plain):
        seconds = round(float(plain) * 86_400)
        return Moment(from_wall(_EXCEL_ZERO + timedelta(seconds=seconds), zone))
    found = _COMPACT.fullmatch(plain)
    if not found:
        return Moment(None, None, "not a date or time")
    return _stamp(found, (found["y"], found["m"], found["d"]), zone)


def _stamp(found: re.Match[str], date: tuple[str, str, str], zone: tzinfo) -> Moment:
    part = found.groupdict()
    hour = int(part["h"] or 0)
    half = (part.get("half1") or part.get("half2") or "").lower()
    if half in _AFTERNOON and hour < 12:
        hour += 12
    elif half in {"am", "上午", "凌晨"} and hour == 12:
        hour = 0
    micros = int((part["f"] or "0")[:6].ljust(6, "0"))
    year, month, day = (int(x) for x in date)
    wall = datetime(year, month, day, hour, int(part["n"] or 0), int(part["s"] or 0), micros)  # noqa: DTZ001
    written = part["zone"]
    if written is None:
        return Moment(from_wall(wall, zone))
    if written.upper() in {"Z", "UTC", "GMT"}:
        return Moment(wall.replace(tzinfo=UTC))
    minutes = _minutes(written)
    return Moment((wall - timedelta(minutes=minutes)).replace(tzinfo=UTC), minutes)


def _minutes(written: str) -> int:
    digits = written[1:].replace(":", "")
    hours, rest = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    if hours > 15 or rest > 59:
        raise ValueError(written)
    return (-1 if written[0] == "-" else 1) * (hours * 60 + rest)


def from_wall(wall: datetime, zone: tzinfo) -> datetime:
    """The UTC instant of a wall time in a zone, by the smaller of the two offsets where a change makes it doubtful.

    >>> from zoneinfo import ZoneInfo
    >>> from_wall(datetime(2026, 10, 25, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-10-25T01:30:00+00:00'
    >>> from_wall(datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T01:30:00+00:00'
    """
    offsets = [wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
    return wall.replace(tzinfo=timezone(min(offsets))).astimezone(UTC)


def offsets(zone: tzinfo, first: datetime, last: datetime) -> tuple[tuple[datetime, int], ...]:
    """The offsets of a zone in seconds over [first, last], each with the instant from which it holds, oldest first.

    With it the lake turns instants into local days and hours by plain arithmetic. Changes are found to the second by
    halving between days; a zone that changes twice within one day is not known to exist.
    """

    def seconds(instant: datetime) -> int:
        return int((instant.astimezone(zone).utcoffset() or timedelta()).total_seconds())

    steps = [(first, seconds(first))]
    low = first
    while low <= last:
        high = low + timedelta(days=1)
        if seconds(high) != steps[-1][1]:
            left, right = low, high
            while right - left > timedelta(seconds=1):
                middle = left + (right - left) / 2
                left, right = (middle, right) if seconds(middle) == steps[-1][1] else (left, middle)
            steps.append((right.replace(microsecond=0), seconds(high)))
        low = high
    return tuple(steps)
