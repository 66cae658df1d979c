"""The moments a touch may be handed over: inside the window, the hours, and outside the quiet hours of the customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from limner.core.errors import BadDefinition, words
from limner.core.limits import minutes, open_spans
from limner.core.spans import EPOCH

BAD_HOURS = words(
    "window_hours_bad",
    "{place}: the hours {hours!r} cannot be read. Write two clock times of one day, such as 19:00-21:00.",
)

_MOST_DAYS = 31


@dataclass(frozen=True, slots=True)
class Slot:
    """The first allowed moment on one local day; `day` counts local days since 1970-01-01."""

    day: int
    moment: datetime


def parse_hours(hours: str, place: str) -> tuple[int, int]:
    """Two clock times as minutes after midnight; no text is the whole day.

    >>> parse_hours("19:00-21:30", "campaign")
    (1140, 1290)
    """
    if not hours:
        return 0, 24 * 60
    start, dash, end = hours.replace("–", "-").partition("-")
    try:
        span = minutes(start.strip()), minutes(end.strip())
    except ValueError:
        span = (1, 0)
    if not dash or span[0] >= span[1]:
        raise BadDefinition(BAD_HOURS, place=place, hours=hours)
    return span


def slots(
    earliest: datetime, latest: datetime, zone: tzinfo, spans: list[tuple[int, int]], most: int = _MOST_DAYS
) -> list[Slot]:
    """The first allowed moment of each local day in [earliest, latest), at most `most` days; none when nothing fits.

    `spans` are the allowed minutes of a day. A clock time that a zone skips is read as the instant after the gap.
    """
    found: list[Slot] = []
    day = earliest.astimezone(zone).date()
    while day <= latest.astimezone(zone).date() and len(found) < most:
        midnight = datetime.combine(day, time(), zone)
        for start, end in spans:
            opens = (midnight + timedelta(minutes=start)).astimezone(earliest.tzinfo)
            closes = (midnight + timedelta(minutes=end)).astimezone(earliest.tzinfo)
            moment = max(opens, earliest)
            if moment < min(closes, latest):
                found.append(Slot((day - EPOCH).days, moment))
                break
        day += timedelta(days=1)
    return found


def allowed_spans(quiet: tuple[str, str] | None, hours: str, place: str) -> list[tuple[int, int]]:
    """The minutes of a day a campaign may use: its hours without the quiet ones (None: no quiet hours bind)."""
    span = parse_hours(hours, place)
    return open_spans(minutes(quiet[0]), minutes(quiet[1]), span) if quiet is not None else [span]
