"""The columns of a family, written as its answer arrives: one value after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from limner.core.ours import Tag
from limner.flow.tags.axes import axes_of
from limner.flow.tags.base import Members
from limner.flow.tags.catalog import Placed
from limner.flow.tags.gather import Filling

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.gallery import Draft, Version


def put_members(
    draft: Draft,
    reader: pa.RecordBatchReader,
    members: Members,
    placed: Placed,
    asof: datetime,
    unknown: NDArray[np.bool_] | None = None,
) -> None:
    """Write a column per member; `reader` gives number, value and a column per member of a value, ordered by value.

    Columns of one value stand in memory at a time. A value without rows has the columns of customers without an answer;
    of customers in `unknown` nothing is known.
    """
    empty = dict.fromkeys(members.cells)
    for value, fillings in _filled(reader, members, draft.size):
        empty.pop(value)
        _put(draft, fillings, placed, asof, unknown)
    for value in empty:
        fillings = [Filling(cell, draft.size) for cell in members.cells[value]]
        _put(draft, fillings, placed, asof, unknown)


def drop_strays(draft: Draft, tag: Tag, columns: Collection[str]) -> None:
    """Drop the columns of members that a draft took over and that are no longer found."""
    if tag.kind != "family":
        return
    lead = f"{tag.id}."
    for name in [n for n, header in draft.headers.items() if n.startswith(lead) and header.version]:
        if name not in columns:
            draft.drop(name)


def may_be_empty(placed: Placed, version: Version) -> bool:
    """Whether a version without a column of this tag may be whole: a family whose values are found, and none are."""
    if placed.tag.kind != "family" or any(name.startswith(f"{placed.tag.id}.") for name in version.headers):
        return False
    return any(axis.is_found for axis in axes_of(placed.tag, placed.place))


def _filled(reader: pa.RecordBatchReader, members: Members, size: int) -> Iterator[tuple[str, list[Filling]]]:
    last, fillings = "", list[Filling]()
    for batch in reader:
        for value, rows in _runs(batch):
            if value not in members.cells:
                continue
            if value != last:
                if fillings:
                    yield last, fillings
                last, fillings = value, [Filling(cell, size) for cell in members.cells[value]]
            numbers = np.asarray(rows.column("number").to_numpy(zero_copy_only=False), np.int32)
            for place, filling in enumerate(fillings):
                filling.take(numbers, rows.column(place + 2))
    if fillings:
        yield last, fillings


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of each value of a batch that is ordered by value."""
    coded = batch.column("value").dictionary_encode()
    codes, words = np.asarray(coded.indices), coded.dictionary
    starts = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(codes)], strict=True):
        yield words[int(codes[start])].as_py(), batch.slice(start, end - start)


def _put(
    draft: Draft, fillings: list[Filling], placed: Placed, asof: datetime, unknown: NDArray[np.bool_] | None
) -> None:
    for filling in fillings:
        encoded = filling.encoded(unknown)
        labels = {"unit": filling.cell.unit, "version": placed.version, "asof": asof.isoformat()}
        draft.put_encoded(filling.cell.column, encoded, **labels)
