"""A whole column of stamps read at once, when they are written alike: digits at the same places, one suffix.

Those written otherwise, and those out of range, are left: null, and counted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from limner.core.moments import LAST_YEAR, from_wall, offsets
from limner.flow.sources.plain import laid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]
    Bytes = npt.NDArray[np.uint8]

_LENGTHS: Final = (10, 16, 19, 20, 24, 25)
_FIRST, _LAST = 1890, 2110
"""Years the calendar table spans; others are not read here."""

_SUFFIX: Final = re.compile(r"(Z|[+-](0\d|1[0-4]):?[0-5]\d)?")
_PLACES: Final = {"year": (0, 1, 2, 3), "month": (5, 6), "day": (8, 9), "hour": (11, 12), "minute": (14, 15)}
_LOOKS: Final = 5
_DAY: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stamps(NamedTuple):
    """Instants, the offset in minutes those read are written with (None: none, or Z), and how many were not read.

    Where there is no text, or it was not read, the instant is null.
    """

    instants: pa.ChunkedArray
    offset: int | None
    left: int = 0


def stamps(column: pa.ChunkedArray, zone: str, first_year: int) -> Stamps | None:
    """The stamps of a column of text; None when no way of writing them is the usual one.

    >>> import pyarrow as pa
    >>> stamps(pa.chunked_array([["2026-09-01T08:05:00+08:00", ""]]), "UTC", 1971).offset
    480
    >>> stamps(pa.chunked_array([["2026-09-01", "2026-09-02", "1.9.2026"]]), "UTC", 1971).left
    1
    """
    import pyarrow as pa

    found, suffix, left = [], None, 0
    for chunk in column.chunks:
        read = _chunk(chunk, zone, first_year)
        if read is None or (suffix is not None and read[1] not in (suffix, None)):
            return None
        suffix = suffix if read[1] is None else read[1]
        found.append(read[0])
        left += read[2]
    return Stamps(pa.chunked_array(found, pa.timestamp("us", tz="UTC")), _minutes(suffix or ""), left)


def walls(column: pa.ChunkedArray, zone: str, first_year: int) -> Stamps | None:
    """The instants of a column of dates, or of clock times without a zone; None for those finer than a microsecond."""
    import numpy as np
    import pyarrow as pa

    is_date = pa.types.is_date(column.type)
    if not is_date and column.type.unit == "ns":
        return None
    found, left = [], 0
    for chunk in column.chunks:
        is_there = chunk.is_valid().to_numpy(zero_copy_only=False)
        wall = chunk.cast(pa.timestamp("us")).cast(pa.int64()).fill_null(0).to_numpy()
        whole = np.zeros(len(chunk), np.int64)
        seconds = wall // 1_000_000
        is_read = is_there & (seconds > _wall(_FIRST)) & (seconds < _wall(_LAST))
        if is_read.any():
            seconds = _from_walls(seconds[is_read], zone)
            whole[is_read] = seconds * 1_000_000 + wall[is_read] % 1_000_000
            is_read[is_read] = _is_within(seconds, zone, first_year)
        left += int(np.count_nonzero(is_there & ~is_read))
        found.append(pa.array(whole, pa.int64(), mask=~is_read).cast(pa.timestamp("us", tz="UTC")))
    return Stamps(pa.chunked_array(found, pa.timestamp("us", tz="UTC")), None, left)


def _wall(year: int) -> int:
    return int((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())


def _is_within(seconds: Ints, zone: str, first_year: int) -> Flags:
    low, high = _ends(zone, first_year)
    return (seconds >= low) & (seconds < high)


def _minutes(suffix: str) -> int | None:
    if suffix in ("", "Z"):
        return None
    size = int(suffix[1:3]) * 60 + int(suffix[-2:])
    return -size if suffix[0] == "-" else size


def _chunk(chunk: pa.Array, zone: str, first_year: int) -> tuple[pa.Array, str | None, int] | None:
    """The instants of an array, their suffix, and how many texts were not read; one of which none was read has none."""
    import numpy as np
    import pyarrow as pa

    data, lengths = laid(chunk)
    is_filled = lengths > 0
    if not is_filled.any():
        return pa.nulls(len(chunk), pa.timestamp("us", tz="UTC")), None, 0
    size = int(np.bincount(np.minimum(lengths[is_filled], 99)).argmax())
    if size not in _LENGTHS:
        return None
    is_read = lengths == size
    read = _seconds(_texts(data, lengths, is_read, is_filled, size), size)
    if read is None:
        return None
    wall, is_good, suffix = read
    is_read[is_read] = is_good
    wall = wall[is_good]
    if wall.size:
        seconds = wall - 60 * (_minutes(suffix) or 0) if suffix else _from_walls(wall, zone)
        is_good = _is_within(seconds, zone, first_year)
        is_read[is_read] = is_good
        wall = seconds[is_good]
    whole = np.zeros(len(chunk), np.int64)
    whole[is_read] = wall * 1_000_000
    found = pa.array(whole, pa.int64(), mask=~is_read).cast(pa.timestamp("us", tz="UTC"))
    return found, suffix if is_read.any() else None, int(np.count_nonzero(is_filled & ~is_read))


def _texts(data: Bytes, lengths: Ints, is_wanted: Flags, is_filled: Flags, size: int) -> Bytes:
    """The wanted texts, all `size` bytes long, one below the other."""
    import numpy as np

    if (is_wanted == is_filled).all():
        return data.reshape(-1, size)
    starts = (np.cumsum(lengths) - lengths)[is_wanted]
    return np.stack([data[starts + place] for place in range(size)], axis=1)


def _seconds(texts: Bytes, size: int) -> tuple[Ints, Flags, str] | None:
    """Seconds on the clock that the texts show, which of them show one, and the suffix those end with."""
    import numpy as np

    suffix = _suffix(texts)
    if suffix is None:
        return None
    is_good = (texts[:, 19:] == np.frombuffer(suffix.encode(), np.uint8)).all(axis=1)
    marks = [(4, b"-" if suffix else b"-/"), (7, b"-" if suffix else b"-/"), (10, b" T"), (13, b":"), (16, b":")]
    for place, allowed in marks:
        if place < size:
            is_good &= np.isin(texts[:, place], np.frombuffer(allowed, np.uint8))
    places = _PLACES | {"second": (17, 18)}
    parts = {name: _number(texts, at, is_good) for name, at in places.items() if at[-1] < size}
    none = np.zeros(len(texts), np.int64)
    hour, minute, second = (parts.get(name, none) for name in ("hour", "minute", "second"))
    is_good &= (hour < 24) & (minute < 60) & (second < 60)
    return _days(parts, is_good) * _DAY + hour * 3600 + minute * 60 + second, is_good, suffix


def _suffix(texts: Bytes) -> str | None:
    """What a text ends with behind its seconds; of a few that are looked at the first that can be one."""
    for row in range(0, len(texts), max(1, len(texts) // _LOOKS)):
        suffix = bytes(texts[row, 19:]).decode("ascii", "replace")
        if _SUFFIX.fullmatch(suffix):
            return suffix
    return None


def _number(texts: Bytes, places: tuple[int, ...], is_good: Flags) -> Ints:
    """The number at places; texts that have none there are good no more."""
    import numpy as np

    whole = np.zeros(len(texts), np.int64)
    for place in places:
        digit = texts[:, place] - np.uint8(48)
        is_good &= digit <= 9
        whole = whole * 10 + digit
    return whole


def _days(parts: dict[str, Ints], is_good: Flags) -> Ints:
    """Days since 1970-01-01; texts whose date does not exist are good no more."""
    import numpy as np

    starts = _months()
    year, month, day = (parts[name] for name in ("year", "month", "day"))
    is_good &= (year >= _FIRST) & (year < _LAST) & (month >= 1) & (month <= 12) & (day >= 1)
    place = np.where(is_good, (year - _FIRST) * 12 + month - 1, 0)
    found = starts[place] + day - 1
    is_good &= found < starts[place + 1]
    return found


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
