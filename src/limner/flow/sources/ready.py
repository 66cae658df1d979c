"""Readings of a chunk made before the engine sees it: stamps written alike, numbers, columns of few different texts.

Every value read here is what the slow way gives; rows of stamps and numbers that are written otherwise go that way one
by one. A column of which too many are is left to `readings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from limner.core.moments import FIRST_YEAR
from limner.flow.sources.figures import figures
from limner.flow.sources.readings import OLDEST_DATE, READY, SQL_TYPES, Reading, is_ready_name, ready_name, slow
from limner.flow.sources.stamps import stamps, walls

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from limner.flow.sources.mapping import Mapped

_READ: Final = ("text", "plain", "wall", "date")
_NUMBERS: Final = tuple(name for name, kind in SQL_TYPES.items() if kind in ("DECIMAL(18,4)", "DOUBLE"))
_LOOK: Final = 20_000
_MOST: Final = 8_000
"""Different texts that are read one by one; a column with more is the engine's."""
_ALWAYS, _SHARE = 100, 50
"""So many rows may be left to be read one by one, or one in so many."""

_WHITE: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f "
_OFFSET: Final = re.compile(r".*[0-9]([+-])(\d{2}):?(\d{2})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Made:
    """What a reading gives row by row; where some rows have a reason, that and the raw text; the offset of stamps."""

    values: pa.Array | pa.ChunkedArray
    offset: int | None = None
    why: pa.Array | None = None
    raw: pa.Array | None = None
    offsets: pa.Array | None = None


def with_ready(
    mapped: Mapped, rows: pa.Table, kinds: Mapping[str, str]
) -> tuple[pa.Table, dict[str, str], frozenset[str]]:
    """The chunk with a typed column beside each that could be read, the types of its columns, and what is doubtful.

    Of doubtful readings, reason and raw text stand beside as well.
    """
    found, doubtful = dict(kinds), set()
    for key, reading in mapped.readings.items():
        name = reading.field.column
        if not name or reading.field.words or kinds.get(name) not in _READ:
            continue
        made = _read(reading, rows[name], kinds[name])
        if made is None:
            continue
        found[ready_name(key)] = f"{READY}{'' if made.offset is None else made.offset}"
        rows = rows.append_column(ready_name(key), made.values)
        for part, column in (("why", made.why), ("raw", made.raw), ("off", made.offsets)):
            if column is not None:
                found[ready_name(f"{key}_{part}")] = READY
                rows = rows.append_column(ready_name(f"{key}_{part}"), column)
        if made.why is not None:
            doubtful.add(key)
    return rows, found, frozenset(doubtful)


def bare(kinds: Mapping[str, str]) -> dict[str, str]:
    """The columns that the file itself has."""
    return {name: kind for name, kind in kinds.items() if not is_ready_name(name)}


def _read(reading: Reading, column: pa.ChunkedArray, kind: str) -> _Made | None:
    if reading.type in ("instant", "date"):
        first = OLDEST_DATE if reading.type == "date" else FIRST_YEAR
        way = stamps if kind in ("text", "plain") else walls
        read = way(column, reading.field.zone or reading.zone, first)
        return None if read is None else _with_left(reading, column, read.instants, read.left, read.offset)
    if kind in ("wall", "date") or (kind == "plain" and reading.type in ("key", "text")):
        return None
    if reading.type in _NUMBERS:
        numbers = figures(column, reading.field.unit, is_float=reading.type == "float")
        if numbers is not None and (numbers.left * _SHARE <= len(column) or not numbers.left):
            return _with_left(reading, column, numbers.values, numbers.left, None)
    return _by_text(reading, column)


def _with_left(
    reading: Reading, column: pa.ChunkedArray, values: pa.ChunkedArray, left: int, offset: int | None
) -> _Made | None:
    """Values with those put in that were left; None when these are too many."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not left:
        return _Made(values, offset)
    if left > max(_ALWAYS, len(column) // _SHARE):
        return None
    is_left = pc.and_(pc.is_valid(column), pc.is_null(values)).to_numpy()
    raws = [_plain(raw) for raw in column.filter(pa.array(is_left)).to_pylist()]
    is_left[np.flatnonzero(is_left)[[not raw for raw in raws]]] = False
    raws = [raw for raw in raws if raw]
    read, reasons = slow(reading, raws)
    places = np.arange(len(column))
    places[is_left] = len(column) + np.arange(len(raws))
    whole = pa.concat_arrays([*values.chunks, read]).take(pa.array(places))
    own = None
    if reading.type in ("instant", "date") and offset is not None:
        own = pa.array([offset, *(_written(raw) for raw in raws)], pa.int32())
        own = own.take(pa.array(np.where(is_left, places - len(column) + 1, 0)))
    elif reading.type in ("instant", "date"):
        own = _scattered(pa.array([_written(raw) for raw in raws], pa.int32()), is_left)
    if not any(reasons):
        return _Made(whole, offset, offsets=own)
    why, raw = (_scattered(pa.array(texts, pa.string()), is_left) for texts in (reasons, raws))
    return _Made(whole, offset, why, raw, own)


def _plain(raw: object) -> str:
    """A raw value as the engine would show it, without the white space at its ends."""
    text = str(raw)
    return text.rstrip("0") if "." in text and not isinstance(raw, str) else text.strip(_WHITE)


def _written(raw: str) -> int | None:
    """The offset in minutes a stamp is written with."""
    found = _OFFSET.fullmatch(raw)
    return None if found is None else int(found[1] + found[2]) * 60 + int(found[1] + found[3])


def _scattered(few: pa.Array, is_there: npt.NDArray[np.bool_]) -> pa.Array:
    """A few values at their rows, null in all others."""
    import numpy as np
    import pyarrow as pa

    places = np.zeros(len(is_there), np.int64)
    places[is_there] = np.arange(len(few))
    return few.take(pa.array(places, mask=~is_there))


def _by_text(reading: Reading, column: pa.ChunkedArray) -> _Made | None:
    """A column of few different texts, each of them read once; None when they are many."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(column) > _LOOK and pc.count_distinct(column[:_LOOK]).as_py() > _MOST // 2:
        return None
    coded = pc.dictionary_encode(column).unify_dictionaries()
    raws = coded.chunk(0).dictionary.to_pylist() if coded.num_chunks else []
    if len(raws) > _MOST:
        return None
    plain = [raw.strip(_WHITE) for raw in raws]
    values, reasons = slow(reading, [raw for raw in plain if raw])
    place = pa.array(_numbered(plain), pa.int64())
    indices = pa.chunked_array([chunk.indices for chunk in coded.chunks], pa.int32())
    if not any(reasons):
        return _Made(values.take(place).take(indices))
    why = pa.array(reasons, pa.string()).take(place)
    raw = pc.if_else(pc.is_valid(why), pa.array(plain, pa.string()), pa.scalar(None, pa.string()))
    return _Made(values.take(place).take(indices), None, why.take(indices), raw.take(indices))


def _numbered(texts: list[str]) -> list[int | None]:
    """The place of each text among those that are not empty; None for one that is."""
    found: list[int | None] = []
    count = 0
    for text in texts:
        found.append(count if text else None)
        count += bool(text)
    return found
