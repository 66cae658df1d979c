"""What the identifiers say as of a moment: who was seen, and which stood in one record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from limner.core.kinds import IdentifierKind, Kinds
from limner.flow.identity.base import NOT_SEEN, Ints, Pairs, Seen
from limner.maths.distinct import distinct
from limner.maths.lookup import lookup
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.store.stores import Stores

Longs = npt.NDArray[np.int64]
PACKAGE: Final = "limner.flow.identity"
_LOW: Final = 32
_OF_RECORDS: Final = ("trace", "with_trace", "kind", "happened_at", "source", "load")
"""What is asked of a record of identifiers."""


def named(stores: Stores, asof: datetime, kinds: Kinds) -> tuple[Seen, Pairs]:
    """The identifiers seen before `asof`, without those that are never a ground for a link, and their pairs.

    Kinds leave the engine as numbers; traces are numbered closely, so that a place is a trace.
    """
    known = _kinds(stores, asof, kinds)
    trace, beside, kind = _rows(stores, statement(PACKAGE, "named.sql", asof=asof), known)
    size = int(max(trace.max(initial=-1), beside.max(initial=-1))) + 1
    seen = _seen(np.arange(size, dtype=np.int32), trace, kind, known)
    return seen, _pairs(seen, trace, beside)


def named_among(stores: Stores, asof: datetime, kinds: Kinds, wanted: Ints) -> tuple[Seen, Pairs]:
    """`named` for these traces and all that stood beside them; the pairs are those with one of them at an end."""
    rows = records_of(stores, "named_among.sql", asof, wanted)
    trace, beside = (rows[name].to_numpy().astype(np.int32) for name in ("trace", "beside"))
    everyone = distinct(np.concatenate([wanted, trace, beside]))
    others = records_of(stores, "kinds_among.sql", asof, everyone[~lookup(distinct(trace), everyone)[1]])
    names = sorted({name for one in (rows, others) for name in pc.unique(one["kind"]).to_pylist()})
    kind = np.concatenate([_codes(one["kind"], names) for one in (rows, others)])
    at = lookup(everyone, trace)[0].astype(np.int32), lookup(everyone, beside)[0].astype(np.int32)
    places = np.concatenate([at[0], lookup(everyone, others["trace"].to_numpy())[0]]).astype(np.int32)
    seen = _seen(everyone, places, kind, tuple(kinds.of(name) for name in names))
    return seen, _pairs(seen, *at)


def records_of(stores: Stores, file: str, asof: datetime, wanted: Ints) -> pa.Table:
    """The answer of a query about the records these sorted traces stand in; no others are read."""
    asked = statement(PACKAGE, file, asof=asof, wanted=exp.to_table("wanted"))
    rows = stores.lake.among("identifiers", ("trace", "with_trace"), wanted, columns=_OF_RECORDS)
    return stores.lake.table(asked, given={"identifiers": rows, "wanted": pa.table({"trace": wanted})})


def _codes(column: pa.ChunkedArray, names: Sequence[str]) -> npt.NDArray[np.int16]:
    """The place of each text among sorted names."""
    found = pc.index_in(column, value_set=pa.array(names, pa.string()))
    return np.asarray(found.to_numpy(), np.int16)


def sightings(stores: Stores, asof: datetime, wanted: Ints) -> tuple[Ints, Ints, Longs, Longs]:
    """Of every pair with one of these traces: low, high, and the first and last moment known (µs), sorted by pair."""
    found = records_of(stores, "sightings.sql", asof, wanted)
    trace, beside, first, last = (found[name].to_numpy().astype(np.int64) for name in found.column_names)
    apart = trace != beside
    key = (np.minimum(trace, beside) << _LOW | np.maximum(trace, beside))[apart]
    order = np.argsort(key, kind="stable")
    key, first, last = key[order], first[apart][order], last[apart][order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    if starts.size:
        key, first, last = key[starts], np.minimum.reduceat(first, starts), np.maximum.reduceat(last, starts)
    return (key >> _LOW).astype(np.int32), (key & ((1 << _LOW) - 1)).astype(np.int32), first, last


def _kinds(stores: Stores, asof: datetime, kinds: Kinds) -> tuple[IdentifierKind, ...]:
    found = stores.lake.table(statement(PACKAGE, "kinds.sql", asof=asof))
    return tuple(kinds.of(name) for name in found["kind"].to_pylist())


def _rows(stores: Stores, rows: exp.Query, known: Sequence[IdentifierKind]) -> tuple[Ints, Ints, npt.NDArray[np.int16]]:
    found = stores.lake.table(exp.select("trace", "beside", _coded(known)).from_(rows.subquery("n")))
    trace, beside, kind = (found[name].to_numpy().astype(np.int32) for name in ("trace", "beside", "kind"))
    return trace, beside, kind.astype(np.int16)


def _coded(known: Sequence[IdentifierKind]) -> exp.Expr:
    nothing = exp.Literal.number(0)
    choice = exp.Case(this=exp.column("kind"))
    for code, kind in enumerate(known):
        choice = choice.when(exp.Literal.string(kind.name), exp.Literal.number(code))
    return exp.cast(choice.else_(nothing) if known else nothing, "SMALLINT").as_("kind")


def _seen(traces: Ints, places: Ints, kind: npt.NDArray[np.int16], known: tuple[IdentifierKind, ...]) -> Seen:
    """Who was seen, without those of a kind that is never a ground for a link."""
    code = np.full(traces.size, NOT_SEEN, np.int16)
    code[places] = kind
    never = [number for number, one in enumerate(known) if one.strength == "never"]
    code[np.isin(code, np.asarray(never, np.int16))] = NOT_SEEN
    return Seen(traces, code, known)


def _pairs(seen: Seen, first: Ints, second: Ints) -> Pairs:
    """The pairs of places, each once, smaller first, without those of an identifier that is not there."""
    is_pair = (first != second) & seen.is_seen[first] & seen.is_seen[second]
    first, second = first[is_pair], second[is_pair]
    key = distinct(np.minimum(first, second).astype(np.int64) << _LOW | np.maximum(first, second))
    return Pairs((key >> _LOW).astype(np.int32), (key & ((1 << _LOW) - 1)).astype(np.int32))
