"""The rows of a table in which one of some columns is among given numbers, found without a query.

The engine joins such a list to every row of the table. Here a row costs a look into a map of bits, and a part whose
ends hold none of the numbers costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from limner.store.lake.erasing import whose
from limner.store.lake.writing import ARROW, said

if TYPE_CHECKING:
    from limner.store.lake.catalog import Snapshot
    from limner.store.lake.tables import LakeTable

Ints = npt.NDArray[np.int32]

_AT_ONCE: Final = 2


def rows_among(
    folder: Path,
    table: LakeTable,
    snapshot: Snapshot,
    keys: Sequence[str],
    wanted: Ints,
    *,
    columns: Sequence[str],
    version: str = "",
) -> pa.Table:
    """The rows with one of the sorted numbers `wanted` in one of `keys`, in the order of the files; persons who are
    being erased are left out."""
    kinds = {name: ARROW[table.columns[name]] for name in (*columns, *keys)}
    found = [pa.table({name: pa.nulls(0, kind) for name, kind in kinds.items()})]
    if wanted.size:
        is_wanted = np.zeros(int(wanted[-1]) + 2, np.bool_)
        is_wanted[wanted] = True

        def look(path: str) -> list[pa.Table]:
            return _of_file(folder / path, keys, wanted, is_wanted, kinds)

        with said(folder), ThreadPoolExecutor(_AT_ONCE, "limner-among") as pool:
            for parts in pool.map(look, snapshot.of(table.name, version)):
                found += parts
    rows = pa.concat_tables(found)
    hidden = whose(rows, snapshot.masked) if snapshot.masked else None
    return (rows if hidden is None else rows.filter(pc.invert(hidden))).select(list(columns))


def _of_file(
    path: Path, keys: Sequence[str], wanted: Ints, is_wanted: npt.NDArray[np.bool_], kinds: dict[str, pa.DataType]
) -> list[pa.Table]:
    found = []
    with pq.ParquetFile(path, memory_map=True) as opened:
        names = opened.schema_arrow.names
        here, sought = [name for name in kinds if name in names], [key for key in keys if key in names]
        place = {key: opened.schema_arrow.get_field_index(key) for key in sought}
        for part in range(opened.metadata.num_row_groups):
            ends = opened.metadata.row_group(part)
            near = [key for key in sought if _may_hold(ends.column(place[key]).statistics, wanted)]
            if not near:
                continue
            seen = opened.read_row_group(part, columns=near, use_threads=False)
            hit = np.logical_or.reduce([_is_among(seen[key], is_wanted) for key in near])
            if hit.any():
                rows = opened.read_row_group(part, columns=here, use_threads=False).filter(pa.array(hit))
                found.append(_fitted(rows, kinds))
    return found


def _may_hold(ends: Any, wanted: Ints) -> bool:
    """Whether one of the numbers may be between the ends of a part."""
    if ends is None or not ends.has_min_max:
        return True
    place = int(np.searchsorted(wanted, ends.min))
    return place < wanted.size and int(wanted[place]) <= ends.max


def _is_among(column: pa.ChunkedArray, is_wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Per row whether its number is wanted; the last place of the map is nobody's."""
    none = len(is_wanted) - 1
    values = pc.fill_null(column, none).to_numpy()
    found: npt.NDArray[np.bool_] = is_wanted[np.minimum(values, none)]
    return found


def _fitted(rows: pa.Table, kinds: dict[str, pa.DataType]) -> pa.Table:
    names = set(rows.column_names)
    return pa.table(
        {
            name: rows[name].cast(kind) if name in names else pa.nulls(rows.num_rows, kind)
            for name, kind in kinds.items()
        }
    )
