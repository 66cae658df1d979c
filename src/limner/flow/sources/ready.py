"""Readings of a chunk made before the engine sees it: stamps written alike, and columns of few different texts.

Every value read here is what the slow way gives. A column of which some text has no value with a reason, or which is
written in more than one way, is left to `readings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from limner.flow.sources.readings import OLDEST_DATE, READY, Reading, is_ready_name, ready_name, slow
from limner.flow.sources.stamps import stamps

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.sources.mapping import Mapped

_LOOK: Final = 20_000
_MOST: Final = 8_000
"""Different texts that are read one by one; a column with more is the engine's."""


def with_ready(mapped: Mapped, rows: pa.Table, kinds: Mapping[str, str]) -> tuple[pa.Table, dict[str, str]]:
    """The chunk with a typed column beside each text that could be read whole, and the types of its columns."""
    found = dict(kinds)
    for key, reading in mapped.readings.items():
        name = reading.field.column
        if not name or reading.field.words or kinds.get(name) not in ("text", "plain"):
            continue
        read = _read(reading, rows[name], kinds[name])
        if read is not None:
            rows = rows.append_column(ready_name(key), read[0])
            found[ready_name(key)] = read[1]
    return rows, found


def bare(kinds: Mapping[str, str]) -> dict[str, str]:
    """The columns that the file itself has."""
    return {name: kind for name, kind in kinds.items() if not is_ready_name(name)}


def _read(reading: Reading, column: pa.ChunkedArray, kind: str) -> tuple[pa.ChunkedArray, str] | None:
    if reading.type in ("instant", "date"):
        from limner.core.moments import FIRST_YEAR

        first = OLDEST_DATE if reading.type == "date" else FIRST_YEAR
        found = stamps(column, reading.field.zone or reading.zone, first)
        return None if found is None else (found.instants, f"{READY}{'' if found.offset is None else found.offset}")
    if kind == "plain" and reading.type in ("key", "text"):
        return None
    values = _by_text(reading, column)
    return None if values is None else (values, READY)


def _by_text(reading: Reading, column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A column of few different texts, each of them read once; None when they are many, or one cannot be read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(column) > _LOOK and pc.count_distinct(column[:_LOOK]).as_py() > _MOST // 2:
        return None
    coded = pc.dictionary_encode(column).unify_dictionaries()
    raws = coded.chunk(0).dictionary.to_pylist() if coded.num_chunks else []
    if len(raws) > _MOST:
        return None
    stated = [raw for raw in raws if raw.strip()]
    values, reasons = slow(reading, stated)
    if any(reasons):
        return None
    if len(stated) < len(raws):
        place = pc.index_in(pa.array(raws, pa.string()), value_set=pa.array(stated, pa.string()))
        values = values.take(place)
    return pa.chunked_array([values.take(chunk.indices) for chunk in coded.chunks], values.type)
