"""The identifiers of a chunk as columns of traces beside it, made before the engine sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from limner.flow.sources.known import NO_TRACE
from limner.flow.sources.mapping import Mapped, Named
from limner.flow.sources.readings import READY, field_text, prepared, ready_name
from limner.flow.sources.seen import Told
from limner.flow.sources.traces import Traces

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = "given_raws"

Made = tuple["pa.Table", dict[str, str], frozenset[str]]
"""A chunk with columns added, the types of its columns, and the identifiers of which a reason is shown."""


def with_traces(
    mapped: Mapped,
    rows: pa.Table,
    columns: Mapping[str, str],
    traces: Traces,
    now: datetime,
    *,
    is_part: bool,
) -> Made:
    """The chunk with the trace of every identifier, of the row, and whether the row is a person's.

    Of an identifier that has reasons, or of every one when the chunk `is_part` of a table, raw text and reason too.
    The row's trace is that of its strongest identifier that may stand for somebody.
    """
    import pyarrow as pa

    trace, person = np.full(rows.num_rows, NO_TRACE, np.int32), np.zeros(rows.num_rows, np.bool_)
    added: dict[str, pa.Array | pa.ChunkedArray] = {}
    shown = set()
    for named in mapped.identifiers:
        raws = _raws(traces, named, rows, columns)
        told = traces.told(named.kind, raws, now)
        added[f"{named.key}_trace"] = told.column()
        if is_part or told.why is not None:
            added |= _doubts(named, raws, told)
            shown.add(named.key)
        if not named.is_other:
            trace = np.where((trace == NO_TRACE) & told.usable, told.trace, trace)
            person |= told.person
    added["trace"] = pa.array(trace, mask=trace == NO_TRACE)
    added["is_person"] = pa.array(person)
    for name, values in added.items():
        rows = rows.append_column(ready_name(name), values)
    return rows, {**columns, **{ready_name(name): READY for name in added}}, frozenset(shown)


def _doubts(named: Named, raws: pa.ChunkedArray, told: Told) -> dict[str, pa.Array | pa.ChunkedArray]:
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing = pa.nulls(len(raws), pa.string())
    if told.why is None:
        return {f"{named.key}_why": nothing, f"{named.key}_raw": nothing}
    odd = pc.if_else(pc.is_valid(told.why), raws.cast(pa.string()), pa.scalar(None, pa.string()))
    return {f"{named.key}_why": told.why, f"{named.key}_raw": odd}


def _raws(traces: Traces, named: Named, rows: pa.Table, columns: Mapping[str, str]) -> pa.ChunkedArray:
    """The text of an identifier row by row: a plain column as it is, any other as the engine reads it."""
    field = named.field
    if not field.constant and not field.columns and not field.words and columns.get(field.column) == "plain":
        return rows[field.column]
    raw = field_text(field, columns).as_("raw")
    return traces.ask(exp.select(raw).from_(prepared(columns, _CHUNK).subquery("p")), {_CHUNK: rows})["raw"]
