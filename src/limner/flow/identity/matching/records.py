"""The records to compare: one per customer, out of the traits stated and the identifiers seen before an asof."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import Ints, Records
from limner.maths.lookup import lookup
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.store.stores import Stores

_HERE: Final = "limner.flow.identity.matching"
_IDENTIFIER: Final = "identifier:"


def records_of(stores: Stores, matching: Matching, links: str, *, asof: datetime, zone: tzinfo) -> Records:
    """One row per customer of a version of the links who states anything the matching reads.

    A matching that reads no trait has every customer in it. Of several statements of a trait the latest counts. A trait
    nobody states gives a column of nulls; nobody stating anything: no rows.
    """
    versions = {"links": links}
    found = stores.lake.table(statement(_HERE, "owners.sql"), versions=versions).sort_by("number")
    number, trace = (found[name].to_numpy().astype(np.int64) for name in ("number", "trace"))
    sources = {source for traits in matching.columns.values() for source in traits}
    named = sorted(name for name in sources if not name.startswith(_IDENTIFIER))
    kinds = sorted(name.removeprefix(_IDENTIFIER) for name in sources if name.startswith(_IDENTIFIER))
    said: dict[str, tuple[Ints, pa.Array]] = {}
    if named:
        rows = stores.lake.table(statement(_HERE, "traits.sql", asof=asof, names=named), versions=versions)
        said |= {name: _latest(rows.filter(pc.equal(rows["name"], name)), _texts(zone)) for name in named}
    if kinds:
        rows = stores.lake.table(statement(_HERE, "identifiers.sql", asof=asof, kinds=kinds), versions=versions)
        said |= {_IDENTIFIER + kind: _latest(rows.filter(pc.equal(rows["kind"], kind)), _hashes) for kind in kinds}
    columns = {role: _column(traits, said, number) for role, traits in matching.columns.items()}
    return _those_who_say(trace, columns)


def _latest(rows: pa.Table, read: object) -> tuple[Ints, pa.Array]:
    """The customers who state it, ascending, and what each stated last."""
    number, told, seq = (rows[name].to_numpy().astype(np.int64) for name in ("number", "told", "seq"))
    order = np.lexsort((seq, told, number))
    last = order[np.flatnonzero(np.diff(number[order], append=-1))]
    return number[last], read(rows.take(pa.array(last)))  # type: ignore[operator]


def _texts(zone: tzinfo) -> object:
    """Reads traits as text: a text as it is, an instant as its local day, a number without a useless fraction."""

    def read(rows: pa.Table) -> pa.Array:
        texts = rows["text"].combine_chunks()
        if texts.null_count == 0:
            return texts
        told = [
            text if text is not None else _day(moment, zone) if moment is not None else _number(amount)
            for text, moment, amount in zip(
                texts.to_pylist(), rows["moment"].to_pylist(), rows["amount"].to_pylist(), strict=True
            )
        ]
        return pa.array(told, pa.string())

    return read


def _day(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).date().isoformat()


def _number(amount: float | None) -> str | None:
    return None if amount is None else format(amount, ".0f") if amount.is_integer() else str(amount)


def _hashes(rows: pa.Table) -> pa.Array:
    return pa.array([f"#{hashed.hex()}" for hashed in rows["hash"].to_pylist()], pa.string())


def _column(traits: tuple[str, ...], said: Mapping[str, tuple[Ints, pa.Array]], number: Ints) -> pa.Array:
    """What each customer says: the traits of a role, one after the other, null where none is stated."""
    parts = []
    for trait in traits:
        mine, texts = said[trait]
        place, here = lookup(mine, number)
        chosen = pa.array(np.where(here, place, 0), mask=~here)
        parts.append(texts.take(chosen) if len(texts) else pa.nulls(number.size, pa.string()))
    if len(parts) == 1:
        return parts[0]
    joined = pc.binary_join_element_wise(*parts, " ", null_handling="skip")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)


def _those_who_say(trace: Ints, columns: Mapping[str, pa.Array]) -> Records:
    says = np.full(trace.size, not columns)
    for column in columns.values():
        says |= column.is_valid().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(says)
    rows = rows[np.argsort(trace[rows])]
    return Records(
        trace[rows].astype(np.int32), {role: column.take(pa.array(rows)) for role, column in columns.items()}
    )
