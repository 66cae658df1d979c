"""Telling columns of plain text from those that need care, by a look at their bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from limner.core.moments import FIRST_YEAR, LAST_YEAR
from limner.core.normal import EMPTY_WORDS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_INITIALS = {letter for word in EMPTY_WORDS for letter in word[:1].lower() + word[:1].upper()}
_MAY_MEAN_NOTHING: Final = frozenset(ord(letter) for letter in _INITIALS if letter.isascii())

_MOST: Final = 10**13
_FIRST: Final = int(datetime(FIRST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
_LAST: Final = int(datetime(LAST_YEAR, 1, 1, tzinfo=UTC).timestamp())


def is_sound(column: pa.ChunkedArray, kind: str) -> bool:
    """Whether every value of a typed column lies well within what its readings take: then none needs a second look.

    Instants lie between 1972 and 2097, numbers below 10^13 without NaN.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count == len(column):
        return True
    if kind == "instant":
        ends = pc.min_max(column.cast(pa.timestamp("s", tz="UTC"), safe=False).cast(pa.int64())).as_py()
        return bool(ends["min"] > _FIRST and ends["max"] < _LAST)
    if kind in ("integer", "number"):
        ends = pc.min_max(column).as_py()
        is_number = not pa.types.is_floating(column.type) or not pc.any(pc.is_nan(column)).as_py()
        return bool(is_number and ends["min"] > -_MOST and ends["max"] < _MOST)
    return False


def is_plain(column: pa.ChunkedArray) -> bool:
    """Whether every text is ASCII, printable at its ends, no `="…"` and no word for nothing: its own normal form.

    >>> import pyarrow as pa
    >>> [is_plain(pa.chunked_array([[a]])) for a in ("M1", "南枝", " M1", "M1\\t", '="1"', "NULL")]
    [True, False, False, False, False, False]
    """
    import pyarrow as pa

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return all(_is_plain(chunk) for chunk in column.chunks)


def laid(chunk: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """The bytes of an array of texts as they lie one after the other, and the length of each; a null has none."""
    import numpy as np
    import pyarrow as pa

    kind = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    _, offsets, values = chunk.buffers()
    if offsets is None or not len(chunk):
        return np.empty(0, np.uint8), np.zeros(len(chunk), kind)
    ends = np.frombuffer(offsets, dtype=kind)[chunk.offset : chunk.offset + len(chunk) + 1]
    data = np.frombuffer(values, dtype=np.uint8) if values is not None else np.empty(0, np.uint8)
    return data[ends[0] : ends[-1]], np.diff(ends)


def _is_plain(chunk: pa.Array) -> bool:
    import numpy as np

    if len(chunk) == chunk.null_count:
        return True
    here, lengths = laid(chunk)
    if not here.size:
        return True
    if int(here.max()) > 126 or int(here.min()) == 0:
        return False
    ends = np.cumsum(lengths)
    if not lengths.all():
        ends, lengths = ends[lengths > 0], lengths[lengths > 0]
    first, last = here[ends - lengths], here[ends - 1]
    if first.min() <= 32 or last.min() <= 32 or (first == ord("=")).any():
        return False
    begun = np.flatnonzero(np.bincount(first, minlength=128)).tolist()
    return _MAY_MEAN_NOTHING.isdisjoint(begun) or not _says_nothing(chunk)


def _says_nothing(chunk: pa.Array) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pa.array(sorted(EMPTY_WORDS), chunk.type)
    return bool(pc.any(pc.is_in(pc.ascii_lower(chunk), value_set=words)).as_py())
