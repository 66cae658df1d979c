"""Telling columns of plain text from those that need care, by a look at their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def is_plain(column: pa.ChunkedArray) -> bool:
    """Whether every text is printable ASCII at its ends, ASCII inside, and no `="…"`: then it is its own normal form.

    >>> import pyarrow as pa
    >>> [is_plain(pa.chunked_array([[a]])) for a in ("M0001", "南枝", " M1", "M1\\t", '="1"')]
    [True, False, False, False, False]
    """
    import pyarrow as pa

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return all(_is_plain(chunk) for chunk in column.chunks)


def _is_plain(chunk: pa.Array) -> bool:
    import numpy as np
    import pyarrow as pa

    if len(chunk) == chunk.null_count:
        return True
    kind = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    _, offsets, values = chunk.buffers()
    ends = np.frombuffer(offsets, dtype=kind)[chunk.offset : chunk.offset + len(chunk) + 1]
    data = np.frombuffer(values, dtype=np.uint8) if values is not None else np.empty(0, np.uint8)
    here = data[ends[0] : ends[-1]]
    if not here.size:
        return True
    if int(here.max()) > 126 or int(here.min()) == 0:
        return False
    filled = ends[1:] > ends[:-1]
    first, last = data[ends[:-1][filled]], data[ends[1:][filled] - 1]
    return bool(first.min() > 32 and last.min() > 32 and not (first == ord("=")).any())
