"""Views that lie in parts: a file holds a range of keys, and a version takes over the files that have not changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from limner.core.errors import Clash, words
from limner.store.lake.writing import fit, said, write_file

if TYPE_CHECKING:
    from limner.store.lake.catalog import NewFile
    from limner.store.lake.duckdb import DuckLake
    from limner.store.lake.tables import LakeTable

NO_VIEW = words("lake_view_unknown", "The lake has no view {name!r}.")

_AT_ONCE: Final = 2
"""Files that are written at the same time."""


def publish(
    lake: DuckLake, view: str, version: str, rows: pa.Table, *, base: str = "", changed: Collection[int] | None = None
) -> int:
    """Write a version of a view; the number of rows given.

    With `base`, a version that stands there, `rows` are those of the parts `changed`; the other parts are taken over
    from it. A version already there is kept as it is: a published version never changes.
    """
    table = lake.declared(view)
    if not table.is_view:
        raise Clash(NO_VIEW, name=view)
    if lake.catalog.has_batch(view, f"view:{version}"):
        return 0
    parts = split(table, fit(rows, table, {}))
    new = _files(lake.folder, table, parts, version)
    with lake.ledger.write() as connection:
        words_of = [str(part) for part in changed or ()]
        lake.catalog.add_version(connection, view, version, new, base=base, changed=words_of)
    return int(rows.num_rows)


def split(table: LakeTable, rows: pa.Table) -> Mapping[str, pa.Table]:
    """The rows by part, in the order of their keys; one part without a name when the view has no span."""
    if not table.span:
        return {"": rows}
    if not rows.num_rows:
        return {}
    part = rows[table.key].to_numpy() // table.span
    if (part[1:] < part[:-1]).any():
        rows = rows.take(pa.array(np.argsort(part, kind="stable")))
        part = np.sort(part)
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    ends = [*starts[1:].tolist(), len(part)]
    return {str(part[low]): rows.slice(low, high - low) for low, high in zip(starts.tolist(), ends, strict=True)}


def read(lake: DuckLake, view: str, version: str, parts: Collection[int]) -> pa.Table:
    """The rows of some parts of a version."""
    table = lake.declared(view)
    with lake.ledger.read() as connection:
        found = lake.catalog.parts(connection, view, version, among={str(part) for part in parts})
    with said(lake.folder):
        rows = [pq.read_table(lake.folder / one.path, partitioning=None) for one in found]
    return pa.concat_tables([fit(one, table, {}) for one in (*rows, _none(table))])


def rows_in(lake: DuckLake, view: str, version: str) -> int:
    """How many rows a version has."""
    with lake.ledger.read() as connection:
        return sum(one.rows for one in lake.catalog.parts(connection, view, version))


def differing(table: LakeTable, before: pa.Table, now: pa.Table) -> list[int]:
    """The parts in which two sets of rows are not the same rows."""
    names = list(table.columns)
    old, new = ({part: _sorted(rows, names) for part, rows in split(table, one).items()} for one in (before, now))
    return sorted(int(part) for part in old.keys() | new.keys() if old.get(part) != new.get(part))


def _sorted(rows: pa.Table, names: list[str]) -> pa.Table:
    plain = rows.select(names).combine_chunks()
    return plain.take(pc.sort_indices(plain, sort_keys=[(name, "ascending") for name in names])).combine_chunks()


def _none(table: LakeTable) -> pa.Table:
    return pa.table({name: pa.nulls(0) for name in table.columns})


def _files(folder: Path, table: LakeTable, parts: Mapping[str, pa.Table], version: str) -> list[NewFile]:
    """One new file per part; none is left when one fails."""
    with ThreadPoolExecutor(_AT_ONCE, "limner-parts") as pool:
        waiting = [
            pool.submit(write_file, folder, table, rows, version=version, part=name) for name, rows in parts.items()
        ]
        try:
            return [one.result() for one in waiting]
        except BaseException:
            for one in waiting:
                one.cancel()
            wait(waiting)
            for one in waiting:
                if not one.cancelled() and one.exception() is None:
                    (folder / one.result().path).unlink(missing_ok=True)
            raise
