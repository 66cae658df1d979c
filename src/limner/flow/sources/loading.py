"""Loading one file: chunk by chunk, or for files of order lines order by order; every batch once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlglot import exp

from limner.core.normal import masked
from limner.core.tell import Tell
from limner.flow.sources import sections
from limner.flow.sources.base import CHUNK_ROWS, Chunk, options_of, reader_of
from limner.flow.sources.consents import (
    batch_name,
    consent_rows,
    mark_receipts,
    receipt_events,
    refusals,
    write_consents,
)
from limner.flow.sources.desk import Desk
from limner.flow.sources.duplicates import mark_duplicates
from limner.flow.sources.loads import Counts, Load, advance
from limner.flow.sources.mapping import Mapped
from limner.flow.sources.readings import template
from limner.flow.sources.sections import Making, offset_of
from limner.flow.sources.staging import ROWS, stage
from limner.flow.sources.traces import Traces
from limner.store.ledger.tables import loads

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.store.definitions import Definitions
    from limner.store.stores import Stores

_STAGED, _EMITTED, _FOUND = "staged_all", "emitted_identifiers", "found_identifiers"
_TABLES = (
    ("lines", sections.order_lines),
    ("traits", sections.traits),
    ("items", sections.items),
    ("holdings", sections.holdings),
    ("relations", sections.relations),
    ("sites", sections.sites),
)


@dataclass(frozen=True, slots=True)
class _Batch:
    """The rows of one batch lie in `ROWS`; broken lines and odd readings beside them."""

    number: int
    broken: tuple[tuple[int, str, str], ...]
    odd: frozenset[str]
    done: int
    total: int


def load_file(
    stores: Stores, definitions: Definitions, mapping: Mapped, path: Path, load: Load, tell: Tell
) -> Counts:
    """Bring one file in. Batches that a cut-off run wrote are left as they are."""
    desk = Desk(stores.lake)
    counts = load.counts
    try:
        traces = Traces(stores, desk)
        for batch in _batches(desk, mapping, path, traces, load, tell):
            if batch.number >= load.done:
                counts = _write(desk, stores, definitions, mapping, path.name, load, batch, counts)
                advance(stores, load.load, batch.number + 1, counts)
            tell(batch.done, batch.total, path.name)
    finally:
        desk.close()
    return counts


def _batches(
    desk: Desk, mapping: Mapped, path: Path, traces: Traces, load: Load, tell: Tell
) -> Iterator[_Batch]:
    """The batches of a file, in an order that depends on nothing but its content."""
    _, reader = reader_of(path, mapping.source.kind)
    chunks = reader.chunks(path, options_of(mapping.source), mapping.used_columns, CHUNK_ROWS)
    if mapping.lines is None:
        for number, chunk in enumerate(chunks):
            if number < load.done:
                continue
            desk.drop(ROWS)
            odd = stage(desk, mapping, chunk, traces, ROWS, load.started_at)
            yield _Batch(number, tuple(chunk.broken), odd, chunk.done, chunk.total)
        return
    yield from _order_batches(desk, mapping, chunks, traces, load, tell)


def _order_batches(
    desk: Desk, mapping: Mapped, chunks: Iterator[Chunk], traces: Traces, load: Load, tell: Tell
) -> Iterator[_Batch]:
    """All rows first, for an order's lines may stand anywhere; then batches that hold whole orders."""
    odd: frozenset[str] = frozenset()
    broken: list[tuple[int, str, str]] = []
    for chunk in chunks:
        odd |= stage(desk, mapping, chunk, traces, _STAGED, load.started_at)
        broken += chunk.broken
        tell(chunk.done // 2, chunk.total, "order lines")
    if not desk.has(_STAGED):
        return
    rows = int(desk.one(exp.select(exp.Count(this=exp.Star())).from_(_STAGED))[0])
    count = max(1, -(-rows // CHUNK_ROWS))
    orders = [exp.column(part.fields["order_id"]) for part in mapping.of("events")]
    bucket = template("hash(coalesce(:o, '')) % :n", o=exp.func("coalesce", *orders), n=exp.Literal.number(count))
    for number in range(count):
        here = exp.EQ(this=bucket.copy(), expression=exp.Literal.number(number))
        desk.make(ROWS, exp.select("*").from_(_STAGED).where(here))
        yield _Batch(number, tuple(broken) if number == 0 else (), odd, count + number + 1, 2 * count)
    desk.drop(_STAGED)


def _write(
    desk: Desk, stores: Stores, definitions: Definitions, mapping: Mapped, file: str, load: Load, batch: _Batch,
    counts: Counts,
) -> Counts:  # fmt: skip
    """Write what a batch states. Events come last: once they are in, the batch is in, with the counts noted before."""
    name = batch_name(load.load, batch.number)
    if stores.lake.catalog.has_batch("events", name):
        return _noted(stores, load.load) or counts
    zero = exp.Literal.number(0)
    making = Making(mapping, ROWS, load.started_at, zero)
    mark_duplicates(desk, making, stores)
    mark_receipts(desk, making, stores)
    making = replace(making, day_offset=offset_of(desk, ROWS, stores.settings.workspace.zone))
    _write_identifiers(desk, stores, making, name, load.load)
    for table, build in _TABLES:
        _append(desk, stores, table, name, build(making), load.load)
    rejects, values = _rejects(desk, mapping, batch, file, load)
    stores.lake.append("rejects", name, rejects, load=load.load)
    for turn, query in enumerate((consent_rows(making), refusals(making, definitions))):
        if query is not None:
            batch_id, source = f"{name}/{turn}", mapping.source.id
            write_consents(
                stores, desk.ask(query), batch=batch_id, load=load.load, source=source, now=load.started_at
            )
    counts = counts + _counts(desk, mapping, batch, values)
    _note(stores, load.load, counts)
    events = sections.orders(making) if mapping.lines else sections.events(making)
    _append(desk, stores, "events", name, receipt_events(making) if mapping.source.receipts else events, load.load)
    return counts


def _append(desk: Desk, stores: Stores, table: str, name: str, query: exp.Query | None, load: int) -> None:
    if query is not None:
        stores.lake.append(table, name, desk.ask(query), load=load)


def _write_identifiers(desk: Desk, stores: Stores, making: Making, name: str, load: int) -> None:
    query = sections.identifiers(making, _EMITTED if desk.has(_EMITTED) else None)
    if query is None:
        return
    desk.make(_FOUND, query)
    _append(desk, stores, "identifiers", name, sections.identifier_rows(making, _FOUND), load)
    desk.add(_EMITTED, exp.select("trace", "with_trace", "moment").from_(_FOUND))
    desk.drop(_FOUND)


# ------------------------------------------------------------------------------------------------ counts and rejects


def _note(stores: Stores, load: int, counts: Counts) -> None:
    with stores.ledger.write() as connection:
        body = json.dumps(counts.to_dict(), ensure_ascii=False)
        connection.execute(update(loads).where(loads.c.load == load).values(counts=body, rows=counts.rows))


def _noted(stores: Stores, load: int) -> Counts | None:
    with stores.ledger.read() as connection:
        body = connection.execute(select(loads.c.counts).where(loads.c.load == load)).scalar()
    return Counts(**json.loads(body)) if body else None


def _fate(mapping: Mapped) -> exp.Expression:
    choice = exp.Case().when(exp.column("w").is_(exp.null()).not_(), exp.Literal.string("rejected"))
    if "f_cancelled" in mapping.flags:
        choice = choice.when(exp.column("f_cancelled"), exp.Literal.string("cancelled"))
    if any(not named.is_other for named in mapping.identifiers):
        choice = choice.when(exp.not_(exp.column("is_person")), exp.Literal.string("anonymous"))
    return choice.else_(exp.Literal.string("used"))


def _counts(desk: Desk, mapping: Mapped, batch: _Batch, values: dict[str, int]) -> Counts:
    grouped = (
        exp.select(_fate(mapping).as_("fate"), template("w.reason").as_("reason"), exp.Count(this=exp.Star()).as_("n"))
        .from_(ROWS)
        .group_by(exp.Literal.number(1), exp.Literal.number(2))
    )
    found: dict[str, int] = {"used": 0, "anonymous": 0, "cancelled": 0}
    rejected: dict[str, int] = {}
    for row in desk.ask(grouped).to_pylist():
        if row["fate"] == "rejected":
            rejected[row["reason"]] = rejected.get(row["reason"], 0) + row["n"]
        else:
            found[row["fate"]] += row["n"]
    for _, _, reason in batch.broken:
        rejected[reason] = rejected.get(reason, 0) + 1
    rows = sum(found.values()) + sum(rejected.values())
    return Counts(rows, found["used"], found["anonymous"], found["cancelled"], rejected, values)


def _rejects(desk: Desk, mapping: Mapped, batch: _Batch, file: str, load: Load) -> tuple[pa.Table, dict[str, int]]:
    """The rejects of a batch: whole rows, broken lines, and single values; and how many single values by reason."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [exp.column("_line"), *(template(f"w.{c}").as_(c) for c in ("label", "value", "reason"))]
    whole = desk.ask(exp.select(*columns).from_(ROWS).where("NOT w IS NULL").order_by("_line"))
    single = desk.ask(_values_left_out(mapping, batch.odd))
    lines, texts, reasons = zip(*batch.broken, strict=True) if batch.broken else ((), (), ())
    broken = pa.table(
        {
            "_line": pa.array(lines, pa.int64()), "label": pa.array([""] * len(lines), pa.string()),
            "value": pa.array(texts, pa.string()), "reason": pa.array(reasons, pa.string()),
        }
    )  # fmt: skip
    both = pa.concat_tables([_plain(whole), _plain(broken), _plain(single)])
    shown = pc.dictionary_encode(both["value"]).combine_chunks()
    hidden = pa.array([masked(v) for v in shown.dictionary.to_pylist()], pa.string()).take(shown.indices)
    place = pc.binary_join_element_wise(file, both["_line"].cast(pa.string()), ":")
    stamp = pa.array([load.started_at] * both.num_rows, pa.timestamp("us", tz="UTC"))
    table = pa.table(
        {
            "source": pa.array([mapping.source.id] * both.num_rows, pa.string()), "happened_at": stamp,
            "received_at": stamp, "place": place, "column_name": both["label"], "value": hidden,
            "reason": both["reason"],
        }
    )  # fmt: skip
    counted = pc.value_counts(single["reason"].combine_chunks()).to_pylist() if single.num_rows else []
    return table, {row["values"]: row["counts"] for row in counted}


def _plain(table: Any) -> Any:  # noqa: ANN401
    import pyarrow as pa

    kinds = {"_line": pa.int64(), "label": pa.string(), "value": pa.string(), "reason": pa.string()}
    return pa.table({name: table[name].cast(kind) for name, kind in kinds.items()})


def _values_left_out(mapping: Mapped, odd: frozenset[str]) -> exp.Query:
    """Values that could not be read in rows that are used otherwise."""
    parts = []
    for key in sorted(odd):
        parts.append(_left_out(mapping.readings[key].label, exp.column(f"{key}_raw"), exp.column(f"{key}_why")))
    for named in mapping.identifiers:
        parts.append(_left_out(named.label, exp.column(f"{named.key}_raw"), exp.column(f"{named.key}_why")))
    empty = exp.select(
        exp.cast(exp.null(), "BIGINT").as_("_line"), *(exp.cast(exp.null(), "VARCHAR").as_(c) for c in _REJECT)
    ).where(exp.false())
    whole: exp.Query = empty
    for part in parts:
        whole = exp.union(whole, part, distinct=False)
    return exp.select("*").from_(whole.subquery("v")).order_by("_line")


_REJECT = ("label", "value", "reason")


def _left_out(label: str, value: exp.Expression, why: exp.Expression) -> exp.Select:
    usable = exp.column("w").is_(exp.null())
    return (
        exp.select(exp.column("_line"), exp.Literal.string(label).as_("label"), value.as_("value"), why.as_("reason"))
        .from_(ROWS)
        .where(usable, why.copy().is_(exp.null()).not_())
    )
