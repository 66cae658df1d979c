"""What the identifiers say as of a moment: who was seen, and which stood in one record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
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
    known = _kinds(stores, asof, kinds)
    rows = statement(PACKAGE, "named_among.sql", asof=asof, wanted=exp.to_table("wanted"))
    trace, beside, kind = _rows(stores, rows, known, wanted)
    everyone = distinct(np.concatenate([wanted, trace, beside]))
    others = everyone[~lookup(distinct(trace), everyone)[1]]
    asked = statement(PACKAGE, "kinds_among.sql", asof=asof, wanted=exp.to_table("wanted")).subquery("k")
    other, other_kind = _columns(stores, asked, ["trace"], known, others)
    at = lookup(everyone, trace)[0].astype(np.int32), lookup(everyone, beside)[0].astype(np.int32)
    places = np.concatenate([at[0], lookup(everyone, other)[0]]).astype(np.int32)
    seen = _seen(everyone, places, np.concatenate([kind, other_kind]), known)
    return seen, _pairs(seen, *at)


def sightings(stores: Stores, asof: datetime, wanted: Ints) -> tuple[Ints, Ints, Longs, Longs]:
    """Of every pair with one of these traces: low, high, and the first and last moment known (µs), sorted by pair."""
    asked = statement(PACKAGE, "sightings.sql", asof=asof, wanted=exp.to_table("wanted"))
    found = stores.lake.table(asked, given={"wanted": pa.table({"trace": wanted})})
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


def _rows(
    stores: Stores, rows: exp.Query, known: Sequence[IdentifierKind], wanted: Ints | None = None
) -> tuple[Ints, Ints, npt.NDArray[np.int16]]:
    trace, beside, kind = _columns(stores, rows.subquery("n"), ["trace", "beside"], known, wanted)
    return trace, beside, kind.astype(np.int16)


def _columns(
    stores: Stores,
    rows: exp.Subquery,
    columns: Sequence[str],
    known: Sequence[IdentifierKind],
    wanted: Ints | None = None,
) -> list[npt.NDArray[np.int32]]:
    """Columns of traces, and the code of the kind last."""
    given = {} if wanted is None else {"wanted": pa.table({"trace": wanted})}
    found = stores.lake.table(exp.select(*columns, _coded(known)).from_(rows), given=given)
    return [found[name].to_numpy().astype(np.int32) for name in (*columns, "kind")]


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
