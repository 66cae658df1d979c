"""Stamps as clients write them, and the client's clock set right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

_SECOND: Final = 1_000_000
AHEAD: Final = 300 * _SECOND
"""A stamp may lie this far after the moment it came in; then the clock is wrong."""

FIRST: Final = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * _SECOND
"""No client has sent an event before; an earlier stamp is a wrong clock."""


def micros(stamp: Any) -> int | None:
    """µs UTC of a stamp: ISO text with an offset (none: UTC), or a number of seconds, milliseconds or microseconds.

    >>> micros("2026-11-22T10:00:00+08:00") == micros(1795312800) == micros(1795312800000) == micros("1795312800")
    True
    >>> micros("soon") is None
    True
    """
    if isinstance(stamp, str):
        plain = stamp.strip()
        if plain.replace(".", "", 1).isdecimal() and len(plain) >= 9 and plain.isascii():
            return _scaled(float(plain)) if "." in plain else _scaled(int(plain))
        try:
            found = datetime.fromisoformat(plain)
        except ValueError:
            return None
        zoned = found if found.tzinfo else found.replace(tzinfo=UTC)
        return (zoned - _EPOCH) // timedelta(microseconds=1)
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return None
    return _scaled(stamp)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _scaled(number: float) -> int | None:
    if number != number or not 0 < number < 1e17:
        return None
    if number < 1e11:
        return round(number * _SECOND)
    return round(number * 1000) if number < 1e14 else round(number)


def set_right(happened: int | None, sent: int | None, received: int) -> tuple[int, bool]:
    """When something happened by our clock, and whether the client's could not be believed.

    received − (sent − happened); without `sent` the stamp as it is. A stamp before the year 2000 or more than five
    minutes ahead of its arrival is taken for the moment of arrival.

    >>> set_right(FIRST + 5, FIRST + 8, FIRST + 100)
    (946684800000097, False)
    >>> set_right(None, None, FIRST + 100)
    (946684800000100, False)
    """
    if happened is None:
        return received, False
    at = happened if sent is None else received - (sent - happened)
    if at < FIRST or at > received + AHEAD:
        return received, True
    return min(at, received), False
