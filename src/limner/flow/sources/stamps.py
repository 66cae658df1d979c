"""A whole column of stamps read at once, when all of them are written alike: digits at the same places, one suffix."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from limner.core.moments import LAST_YEAR, from_wall, offsets
from limner.flow.sources.plain import laid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Ints = npt.NDArray[np.int64]

_LENGTHS: Final = (10, 16, 19, 20, 24, 25)
_FIRST, _LAST = 1890, 2110
"""Years the calendar table spans; others are not read here."""

_SUFFIX: Final = re.compile(r"(Z|[+-](0\d|1[0-4]):?[0-5]\d)?")
_PLACES: Final = {"year": (0, 1, 2, 3), "month": (5, 6), "day": (8, 9), "hour": (11, 12), "minute": (14, 15)}
_DAY: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stamps(NamedTuple):
    """Instants, null where the text is empty, and the offset in minutes they are written with (None: none, or Z)."""

    instants: pa.ChunkedArray
    offset: int | None


def stamps(column: pa.ChunkedArray, zone: str, first_year: int) -> Stamps | None:
    """The stamps of a column of text; None when they are not all alike, or one of them is none or out of range.

    >>> import pyarrow as pa
    >>> stamps(pa.chunked_array([["2026-09-01T08:05:00+08:00", ""]]), "UTC", 1971).offset
    480
    >>> stamps(pa.chunked_array([["2026-09-01", "1.9.2026"]]), "UTC", 1971) is None
    True
    """
    import pyarrow as pa

    found, suffix = [], None
    for chunk in column.chunks:
        read = _chunk(chunk, zone, first_year)
        if read is None or (suffix is not None and read[1] not in (suffix, None)):
            return None
        suffix = suffix if read[1] is None else read[1]
        found.append(read[0])
    return Stamps(pa.chunked_array(found, pa.timestamp("us", tz="UTC")), _minutes(suffix or ""))


def _minutes(suffix: str) -> int | None:
    if suffix in ("", "Z"):
        return None
    size = int(suffix[1:3]) * 60 + int(suffix[-2:])
    return -size if suffix[0] == "-" else size


def _chunk(chunk: pa.Array, zone: str, first_year: int) -> tuple[pa.Array, str | None] | None:
    """The instants of an array and their suffix; an array of nothing but empty texts has none."""
    import numpy as np
    import pyarrow as pa

    data, lengths = laid(chunk)
    is_filled = lengths > 0
    if not is_filled.any():
        return pa.nulls(len(chunk), pa.timestamp("us", tz="UTC")), None
    size = int(lengths.max())
    if size not in _LENGTHS or int(lengths[is_filled].min()) != size:
        return None
    read = _seconds(data.reshape(-1, size), size)
    if read is None:
        return None
    wall, suffix = read
    minutes = _minutes(suffix)
    seconds = _from_walls(wall, zone) if not suffix else wall - 60 * (minutes or 0)
    low, high = _ends(zone, first_year)
    if int(seconds.min()) < low or int(seconds.max()) >= high:
        return None
    whole = np.zeros(len(chunk), np.int64)
    whole[is_filled] = seconds * 1_000_000
    return pa.array(whole, pa.int64(), mask=~is_filled).cast(pa.timestamp("us", tz="UTC")), suffix


def _seconds(texts: npt.NDArray[Any], size: int) -> tuple[Ints, str] | None:
    """Seconds on the clock that the texts show, and the suffix all of them end with."""
    import numpy as np

    suffix = bytes(texts[0, 19:]).decode("ascii", "replace")
    marks = [(4, b"-" if suffix else b"-/"), (7, b"-" if suffix else b"-/"), (10, b" T"), (13, b":"), (16, b":")]
    if not _SUFFIX.fullmatch(suffix) or not (texts[:, 19:] == texts[0, 19:]).all():
        return None
    for place, allowed in marks:
        if place < size and not np.isin(texts[:, place], np.frombuffer(allowed, np.uint8)).all():
            return None
    places = _PLACES | {"second": (17, 18)}
    parts = {name: _number(texts, at) for name, at in places.items() if at[-1] < size}
    none = np.zeros(len(texts), np.int64)
    hour, minute, second = (parts.get(name, none) for name in ("hour", "minute", "second"))
    if any(part is None for part in parts.values()) or hour is None or minute is None or second is None:
        return None
    if hour.max() > 23 or minute.max() > 59 or second.max() > 59:
        return None
    days = _days(parts)
    return None if days is None else (days * _DAY + hour * 3600 + minute * 60 + second, suffix)


def _number(texts: npt.NDArray[Any], places: tuple[int, ...]) -> Ints | None:
    import numpy as np

    whole = np.zeros(len(texts), np.int64)
    for place in places:
        digit = texts[:, place] - np.uint8(48)
        if digit.max() > 9:
            return None
        whole = whole * 10 + digit
    return whole


def _days(parts: dict[str, Ints | None]) -> Ints | None:
    """Days since 1970-01-01; None when a date does not exist."""
    import numpy as np

    starts = _months()
    year, month, day = (parts[name] for name in ("year", "month", "day"))
    if year is None or month is None or day is None:
        return None
    if year.min() < _FIRST or year.max() >= _LAST or month.min() < 1 or month.max() > 12 or day.min() < 1:
        return None
    place = (year - _FIRST) * 12 + month - 1
    found = starts[place] + day - 1
    return found if bool(np.less(found, starts[place + 1]).all()) else None


@lru_cache(maxsize=1)
def _months() -> Ints:
    """The first day of every month of the table, and of the one after."""
    import numpy as np

    months = np.arange((_FIRST - 1970) * 12, (_LAST - 1970) * 12 + 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64)


def _from_walls(wall: Ints, zone: str) -> Ints:
    """Seconds of UTC; where a change makes a wall time doubtful, by the smaller of the two offsets."""
    import numpy as np

    low, high = (_EPOCH + timedelta(seconds=int(end)) for end in (wall.min(), wall.max()))
    since, offset = _steps(zone, low.year - 1, high.year + 1)
    return wall - offset[np.searchsorted(since, wall, side="right")]


@lru_cache(maxsize=32)
def _steps(zone: str, first: int, last: int) -> tuple[Ints, Ints]:
    """The walls from which each further offset of a zone holds, and all its offsets."""
    import numpy as np

    steps = offsets(ZoneInfo(zone), datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 2, tzinfo=UTC))
    walls = [int((instant - _EPOCH).total_seconds()) + seconds for instant, seconds in steps[1:]]
    return np.array(walls, np.int64), np.array([seconds for _, seconds in steps], np.int64)


@lru_cache(maxsize=32)
def _ends(zone: str, first_year: int) -> tuple[int, int]:
    """The first second a reading takes and the first it no longer takes."""
    ends = (datetime(first_year, 1, 1), datetime(LAST_YEAR + 1, 1, 1))  # noqa: DTZ001 - walls, zoned in the next line
    low, high = (int((from_wall(end, ZoneInfo(zone)) - _EPOCH).total_seconds()) for end in ends)
    return low, high
