"""Rows of files that are read where they lie leave the lake: their side files are written anew, the files stay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from limner.core.errors import Broken
from limner.store.lake.beside import is_side, places, side_without
from limner.store.lake.dialects import write
from limner.store.lake.erasing import Hit, whose, without
from limner.store.lake.lying import checked, one_by_one, stretches
from limner.store.lake.tables import EVENTS
from limner.store.lake.writing import fit, said, write_file

if TYPE_CHECKING:
    from limner.store.lake.catalog import NewFile
    from limner.store.lake.duckdb import DuckLake
    from limner.store.ledger.erasures import Masked


def lying_rows(lake: DuckLake, masked: Masked) -> dict[str, tuple[int, ...]]:
    """Rows of a person in files that are read where they lie, by file, counted from 1.

    An erasure leaves the files themselves to their owner.
    """
    found: dict[str, set[int]] = {}
    hits = {hit.path for hit in lake.hits(masked) if hit.is_live and is_side(hit.path)}
    for one in stretches(lake.catalog.all_files(), lake.ledger) if hits else ():
        for path in hits.intersection(one.sides):
            rows = places(lake.folder, lake.sides, path, lambda rows: whose(rows, masked))
            found.setdefault(os.path.normpath(lake.folder / one.file.path), set()).update(rows)
    return {path: tuple(sorted(rows)) for path, rows in sorted(found.items())}


def changed_loads(lake: DuckLake) -> list[int]:
    """The loads whose files are not as they were taken in, or have gone."""
    found = []
    for one in {one.file.load: one for one in stretches(lake.catalog.all_files(), lake.ledger)}.values():
        try:
            checked([one], lake.folder)
        except Broken:
            found.append(one.file.load)
    return found


def erase_side(lake: DuckLake, hit: Hit, masked: Masked, zone: tzinfo) -> None:
    """Let rows of a person go; what stays of them as nobody's becomes a file of ours, in the same commit."""
    old = lake.catalog.entry(hit.path)
    new = side_without(lake.folder, lake.sides, old, lambda rows: whose(rows, masked))
    kept = _of_nobody(lake, old, masked, zone)
    with lake.ledger.write() as connection:
        lake.catalog.swap(connection, hit.path, new, datetime(1970, 1, 1, tzinfo=UTC))
        if kept is not None:
            lake.catalog.add(connection, f"nobody/{kept.path}", [kept])


def _of_nobody(lake: DuckLake, side: NewFile, masked: Masked, zone: tzinfo) -> NewFile | None:
    """Money and goods of a person as nobody's; None without any, or when the file has gone, or is another now."""
    events = lake.declared(EVENTS.name)
    stretch = next(one for one in stretches(lake.catalog.all_files(), lake.ledger) if side.path in one.sides)
    query = one_by_one([(stretch, side)], events, lake.folder, lake.empty(lake.sides))
    if query is None or not masked.traces:
        return None
    traces = [exp.Literal.number(trace) for trace in masked.traces]
    own = exp.select("*").from_(query.subquery("e")).where(exp.In(this=exp.column("trace"), expressions=traces))
    try:
        checked([stretch], lake.folder)
        with said(lake.folder):
            rows = lake.cursor().sql(write(own, "duckdb")).to_arrow_table()
    except Broken:
        return None
    kept = without(fit(rows, events, {}), EVENTS.name, masked, zone)
    return write_file(lake.folder, events, kept, load=side.load) if kept.num_rows else None


def side_moments(lake: DuckLake) -> Iterator[tuple[NewFile, pa.Table]]:
    """What side files speak of: seq, trace, source, name and moments. Files that have changed or gone are left out."""
    events = lake.declared(EVENTS.name)
    for stretch in stretches(lake.catalog.all_files(), lake.ledger):
        try:
            checked([stretch], lake.folder)
        except Broken:
            continue
        for path in stretch.sides:
            side = lake.catalog.entry(path)
            query = one_by_one([(stretch, side)], events, lake.folder, lake.empty(lake.sides))
            if query is not None:
                wanted = exp.select(*_OF_AGE).from_(query.subquery("e"))
                with said(lake.folder):
                    yield side, lake.cursor().sql(write(wanted, "duckdb")).to_arrow_table()


_OF_AGE: Final = ("seq", "trace", "source", "name", "happened_at", "received_at")


def sides_without(lake: DuckLake, load: int, seqs: pa.ChunkedArray) -> list[NewFile]:
    """The side files of a load written anew without some events; none for a load that copied its rows."""
    mine = (one for one in stretches(lake.catalog.all_files(), lake.ledger) if one.file.load == load)
    old = [lake.catalog.entry(path) for one in mine for path in one.sides]
    gone = pc.SetLookupOptions(value_set=seqs.combine_chunks())
    return [
        side_without(lake.folder, lake.sides, side, lambda rows: pc.is_in(rows["seq"], options=gone)) for side in old
    ]
