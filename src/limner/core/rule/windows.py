"""Which events a condition looks at, and days told from the asof: `between`, `this month`, `ago("30d")`.

A span looks back from the asof (`core.spans.window`). Dates are local days in the zone of the workspace; every window
ends at the asof at the latest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal, TypeAlias

from limner.core.errors import BadDefinition, words
from limner.core.spans import need_zone, parse_span, span_text, window

BAD_PERIOD = words("rule_period_bad", "{text!r} is no period. Write one such as {known}.")
EMPTY_WINDOW = words("rule_window_empty", "The window from {start} to {end} holds no instant. Name an earlier start.")
NO_EDGE = words("rule_window_endless", "A window needs a since= or an until=.")
BAD_SPAN = words("rule_ago_bad", "{span} cannot be counted from the asof. Use a span of whole seconds up to 36525d.")

Unit: TypeAlias = Literal["day", "week", "month", "quarter", "year"]
UNITS: Final[tuple[Unit, ...]] = ("day", "week", "month", "quarter", "year")
_MOST: Final = timedelta(days=36_525)
_NAMED: Final[dict[str, tuple[Unit, int]]] = {
    "today": ("day", 0), "yesterday": ("day", 1),
    "今天": ("day", 0), "今日": ("day", 0), "昨天": ("day", 1), "昨日": ("day", 1), "前天": ("day", 2),
    "本周": ("week", 0), "上周": ("week", 1), "上上周": ("week", 2),
    "本月": ("month", 0), "上月": ("month", 1), "上个月": ("month", 1), "上上月": ("month", 2),
    "本季": ("quarter", 0), "本季度": ("quarter", 0), "上季": ("quarter", 1), "上季度": ("quarter", 1),
    "今年": ("year", 0), "本年": ("year", 0), "去年": ("year", 1), "前年": ("year", 2),
}  # fmt: skip
_SAID = re.compile(r"(this|last|(\d{1,4})) (day|week|month|quarter|year)s?( ago)?")


@dataclass(frozen=True, slots=True)
class Between:
    """From `start` on and before `end`. A date is a local day: as a start from its midnight on, as an end all of it."""

    start: date | datetime | None = None
    end: date | datetime | None = None

    def __post_init__(self) -> None:
        if self.start is None and self.end is None:
            raise BadDefinition(NO_EDGE)
        for edge in ("start", "end"):
            value = getattr(self, edge)
            if isinstance(value, datetime):
                object.__setattr__(self, edge, need_zone(value))
        if self.start is not None and self.end is not None and _rank(self.start) > _rank(self.end, is_end=True):
            raise BadDefinition(EMPTY_WINDOW, start=self.start, end=self.end)


@dataclass(frozen=True, slots=True)
class Period:
    """A period of the calendar in the workspace's zone, `back` periods before the one the asof lies in.

    Weeks begin on Monday. Of the present period only what lies before the asof counts.
    """

    unit: Unit
    back: int = 0

    def __post_init__(self) -> None:
        if self.unit not in UNITS or not 0 <= self.back <= 9_999:
            raise BadDefinition(BAD_PERIOD, text=f"{self.back} {self.unit}s ago", known=KNOWN_PERIODS)

    def __str__(self) -> str:
        if self.unit == "day" and self.back < 2:
            return ("today", "yesterday")[self.back]
        return f"{('this', 'last')[self.back]} {self.unit}" if self.back < 2 else f"{self.back} {self.unit}s ago"


@dataclass(frozen=True, slots=True)
class Ago:
    """A day or an instant told from the asof: `span` before it, or after it where the span is negative.

    A span of whole days means the local midnight that many days before the day of the asof; another is exact.
    """

    span: timedelta = timedelta()

    def __post_init__(self) -> None:
        if not isinstance(self.span, timedelta) or self.span.microseconds or abs(self.span) > _MOST:
            raise BadDefinition(BAD_SPAN, span=self.span)

    def __str__(self) -> str:
        if not self.span:
            return "today()"
        return f'{"ago" if self.span > timedelta() else "ahead"}("{span_text(abs(self.span))}")'

    @property
    def days(self) -> int | None:
        """How many local days before that of the asof; None where the span is not one of whole days."""
        whole, rest = divmod(self.span, timedelta(days=1))
        return None if rest else whole


KNOWN_PERIODS: Final = 'today, yesterday, this week, last month, "3 months ago"'


def period_of(text: str) -> Period:
    """The period a text names, in English or Chinese.

    >>> period_of("last month"), str(period_of("本季度")), str(period_of("3 months ago"))
    (Period(unit='month', back=1), 'this quarter', '3 months ago')
    """
    plain = " ".join(text.strip().lower().split())
    if plain in _NAMED:
        return Period(*_NAMED[plain])
    found = _SAID.fullmatch(plain)
    if found is None or bool(found[2]) != bool(found[4]):
        raise BadDefinition(BAD_PERIOD, text=text, known=KNOWN_PERIODS)
    back = int(found[2]) if found[2] else int(found[1] == "last")
    return Period(found[3], back)  # type: ignore[arg-type]


def ago(text: str, *, is_ahead: bool = False) -> Ago:
    """The moment a span before the asof, or after it.

    >>> str(ago("30d")), str(ago("7d", is_ahead=True))
    ('ago("30d")', 'ahead("7d")')
    """
    span = parse_span(text)
    return Ago(-span if is_ahead else span)


def bounds(
    within: timedelta | Between | Period | None, asof: datetime, zone: tzinfo
) -> tuple[datetime | None, datetime]:
    """The half-open window [start, end) in UTC; no start: since ever. It may be empty (start at or after end).

    >>> from zoneinfo import ZoneInfo
    >>> asof = datetime(2026, 9, 1, 3, tzinfo=UTC)
    >>> [at.isoformat() for at in bounds(Period("month", 1), asof, ZoneInfo("Asia/Shanghai"))]
    ['2026-07-31T16:00:00+00:00', '2026-08-31T16:00:00+00:00']
    """
    last = need_zone(asof)
    match within:
        case None:
            return None, last
        case timedelta():
            return window(asof, within, zone)
        case Between(start, end):
            first = None if start is None else _instant(start, zone)
            until = last if end is None else _instant(_next(end), zone)
            return first, min(until, last)
        case Period(unit, back):
            today = last.astimezone(zone).date()
            return _midnight(_start(today, unit, back), zone), min(_midnight(_start(today, unit, back - 1), zone), last)
    raise TypeError(f"{within!r} is no window")


def told(value: Ago, asof: datetime, zone: tzinfo) -> datetime:
    """The instant a moment told from the asof stands for, in UTC."""
    days = value.days
    if days is None:
        return need_zone(asof) - value.span
    return _midnight(told_day(days, asof, zone), zone)


def told_day(days: int, asof: datetime, zone: tzinfo) -> date:
    """The local day so many days before that of the asof."""
    return need_zone(asof).astimezone(zone).date() - timedelta(days=days)


def _start(today: date, unit: Unit, back: int) -> date:
    """The first day of the period `back` before that of today; -1 is the next."""
    match unit:
        case "day":
            return today - timedelta(days=back)
        case "week":
            return today - timedelta(days=today.weekday() + 7 * back)
    size = {"month": 1, "quarter": 3, "year": 12}[unit]
    month = (today.year * 12 + today.month - 1) // size * size - back * size
    return date(month // 12, month % 12 + 1, 1) if month >= 12 else date.min


def _instant(edge: date | datetime, zone: tzinfo) -> datetime:
    return edge.astimezone(UTC) if isinstance(edge, datetime) else _midnight(edge, zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    if day.year < 2:  # before all time
        return datetime.combine(day, time(), UTC)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _next(end: date | datetime) -> date | datetime:
    return end if isinstance(end, datetime) else end + timedelta(days=1)


def _rank(edge: date | datetime, *, is_end: bool = False) -> datetime:
    """An edge for comparison; days are taken a day wide, whatever the zone."""
    if isinstance(edge, datetime):
        return edge
    return datetime.combine(edge, time(), UTC) + (timedelta(days=2) if is_end else -timedelta(days=1))
