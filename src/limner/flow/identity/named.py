"""What the identifiers say as of a moment: who was seen, and which stood in one record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlglot import exp

from limner.flow.identity.base import Pairs, Seen
from limner.flow.identity.deterministic import NEVER
from limner.maths.distinct import distinct
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.store.stores import Stores

_STRENGTHS: Final = {"strong": 0, "weak": 1, "device": 2, "never": NEVER}
_LOW: Final = 32


def named(stores: Stores, asof: datetime) -> tuple[Seen, Pairs]:
    """The identifiers seen before `asof`, without those that are never a ground for a link, and their pairs.

    Kinds and strengths leave the engine as numbers; traces are numbered closely, so that an array says who was seen.
    """
    rows = statement("limner.flow.identity", "named.sql", asof=asof).subquery("n")
    kinds = sorted(stores.lake.table(exp.select("kind").distinct().from_(rows))["kind"].to_pylist())
    coded = [_coded("kind", {name: code for code, name in enumerate(kinds)}), _coded("strength", _STRENGTHS)]
    found = stores.lake.table(exp.select("trace", "beside", *coded).from_(rows.copy()))
    trace, beside = (found[name].to_numpy().astype(np.int64) for name in ("trace", "beside"))
    size = int(max(trace.max(initial=-1), beside.max(initial=-1))) + 1
    kind, strength = np.full(size, -1, np.int32), np.zeros(size, np.int8)
    kind[trace], strength[trace] = found["kind"].to_numpy(), found["strength"].to_numpy()
    is_seen = (kind >= 0) & (strength != NEVER)
    seen = np.flatnonzero(is_seen)
    pair = (trace != beside) & is_seen[trace] & is_seen[beside]
    key = distinct(np.minimum(trace, beside)[pair] << _LOW | np.maximum(trace, beside)[pair])
    low, high = (key >> _LOW).astype(np.int32), (key & ((1 << _LOW) - 1)).astype(np.int32)
    return Seen(seen.astype(np.int32), kind[seen], strength[seen], tuple(kinds)), Pairs(low, high)


def _coded(column: str, codes: Mapping[str, int]) -> exp.Expr:
    choice = exp.Case(this=exp.column(column))
    for word, code in codes.items():
        choice = choice.when(exp.Literal.string(word), exp.Literal.number(code))
    return exp.cast(choice.else_(exp.Literal.number(0)) if codes else exp.Literal.number(0), "SMALLINT").as_(column)
