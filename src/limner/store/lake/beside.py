"""Side files: what stands beside the rows of a file that is read where it lies; see `in_place`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from limner.store.lake.tables import EVENTS, IN_PLACE, LakeTable
from limner.store.lake.writing import fit, write_file

if TYPE_CHECKING:
    from limner.store.lake.catalog import NewFile


@dataclass(frozen=True, slots=True)
class Side:
    """Which rows of which file, and as which part of its source, a side file speaks of; places count from 1."""

    load: int
    part: int
    first: int
    last: int

    @property
    def version(self) -> str:
        """As the catalog names it."""
        return f"{self.load}/{self.part}/{self.first}-{self.last}"

    @classmethod
    def of(cls, version: str) -> Side:
        """Out of the catalog's name.

        >>> Side.of("12/0/1-500") == Side(12, 0, 1, 500)
        True
        """
        load, part, stretch = version.split("/")
        first, _, last = stretch.partition("-")
        return cls(int(load), int(part), int(first), int(last))


def write_side(
    folder: Path, table: LakeTable, side: Side, rows: pa.Table, ends: Sequence[Any] = (None, None)
) -> NewFile:
    """One new side file of a table, synced. `ends` are the first and last moments of its used rows."""
    new = write_file(folder, table, fit(rows, table, {}), load=side.load, version=side.version)
    used = int(pc.sum(rows["is_used"]).as_py() or 0)
    low, high = ends
    return replace(new, table_name=EVENTS.name, rows=used, min_happened_at=low, max_happened_at=high)


def is_side(path: str) -> bool:
    """Whether a file of the lake is a side file."""
    return path.startswith(f"{IN_PLACE.name}/")


def side_without(
    folder: Path, table: LakeTable, old: NewFile, which: Callable[[pa.Table], pa.ChunkedArray | None]
) -> NewFile:
    """A side file written anew, in which the rows that `which` picks are used no more and say nothing."""
    rows = fit(pq.read_table(folder / old.path, partitioning=None), table, {})
    hit = which(rows)
    kept = pc.invert(pc.fill_null(hit, fill_value=False)) if hit is not None else rows["is_used"]
    for at, name in enumerate(rows.column_names):
        if name == "is_used":
            rows = rows.set_column(at, name, pc.and_(rows[name], kept))
        elif name not in _STAYS:
            rows = rows.set_column(at, name, pc.if_else(kept, rows[name], pa.scalar(None, rows[name].type)))
    return write_side(folder, table, Side.of(old.version), rows, (old.min_happened_at, old.max_happened_at))


def places(folder: Path, table: LakeTable, path: str, which: Callable[[pa.Table], Any]) -> list[int]:
    """The places, from 1, of the used rows that `which` picks."""
    rows = fit(pq.read_table(folder / path, partitioning=None), table, {})
    hit = which(rows)
    if hit is None:
        return []
    found: list[int] = rows["place"].filter(pc.and_(pc.fill_null(hit, fill_value=False), rows["is_used"])).to_pylist()
    return found


_STAYS: Final = frozenset({"place", "load", "source", "received_at"})
"""What a side file says of a row that is not used."""
