"""Columns as an Arrow table: what engines without a gallery are given, and what exports read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap

from limner.store.gallery.column import Column
from limner.store.gallery.version import Version

if TYPE_CHECKING:
    import pyarrow as pa


def to_arrow(version: Version, columns: Iterable[str] | None = None, *, members: BitMap | None = None) -> pa.Table:
    """One row per living customer (or per member), ascending by `number`; unknown answers are null.

    int is int64 however narrow the file (engines multiply in the width they get), money decimal(18,4), day date32,
    instant timestamp[us, UTC], text a dictionary.
    """
    import pyarrow as pa

    chosen = version.living if members is None else members & version.living
    numbers = np.array(chosen.to_array(), np.int64)
    table = {"number": pa.array(numbers.astype(np.int32))}
    for name in version.headers if columns is None else columns:
        table[name] = column_to_arrow(version.column(name), numbers)
    return pa.table(table)


def column_to_arrow(column: Column, numbers: np.ndarray) -> pa.Array:
    """The answers of the customers given, in their order."""
    import pyarrow as pa

    kept = column.header
    here = numbers < kept.rows
    places = np.where(here, numbers, 0)
    unknown = ~here
    if column.valid is not None and kept.rows:
        unknown |= (column.valid[places >> 3] >> (places & 7).astype(np.uint8) & 1) == 0
    if not kept.rows:
        values = np.zeros(numbers.size, column.values.dtype if kept.type != "bool" else np.bool_)
    elif kept.type == "bool":
        values = (column.values[places >> 3] >> (places & 7).astype(np.uint8) & 1).view(np.bool_)
    else:
        values = column.values[places]
    match kept.type:
        case "text":
            codes = pa.array(values.astype(np.int32), mask=unknown)
            return pa.DictionaryArray.from_arrays(codes, pa.array(column.words, pa.string()))
        case "money":
            return _decimals(values, unknown)
        case "int":
            return pa.array(values.astype(np.int64), mask=unknown)
        case "day":
            return pa.array(values.astype(np.int32), pa.int32(), mask=unknown).cast(pa.date32())
        case "instant":
            return pa.array(values.astype(np.int64), pa.int64(), mask=unknown).cast(pa.timestamp("us", "UTC"))
    return pa.array(values, mask=unknown)


def _decimals(units: np.ndarray, unknown: np.ndarray) -> pa.Array:
    """Ten-thousandths as decimal(18,4): the 128-bit values are the units with their sign in the high half."""
    import pyarrow as pa

    halves = np.empty((units.size, 2), np.int64)
    halves[:, 0], halves[:, 1] = units, units >> 63
    known = np.packbits(~unknown, bitorder="little")
    return pa.Array.from_buffers(pa.decimal128(18, 4), units.size, [pa.py_buffer(known), pa.py_buffer(halves)])
