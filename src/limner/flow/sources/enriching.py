"""Enrichment within a source: what its `enrich` entries find, as columns beside those of the file.

A find is a column named `column:find`. It is made before anything else reads the chunk, so that whatever may name a
column may name a find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.flow.sources.definition import EnrichMap, EventMap, Field, Reads, Source
from limner.flow.sources.enrich import Enriching, enrichers
from limner.flow.sources.enrich.base import check_finds
from limner.flow.sources.readings import field_text, prepared, ready_name
from limner.flow.sources.traces import Traces

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = "given_enriched"

_TYPES: Mapping[str, str] = {"text": "", "number": "number", "bool": "bool", "date": "date"}


@dataclass(frozen=True, slots=True)
class Enriched:
    """One entry at work: `key` names its reason and masked text among the columns of a chunk."""

    key: str
    entry: EnrichMap
    at_work: Enriching

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it fills."""
        return tuple(self.entry.named(find) for find in self.at_work.finds)


def spelled_out(source: Source) -> Source:
    """The source with the traits and properties of its `enrich` entries written as such.

    What the source says of a trait itself counts before what an entry finds. Raises NotFound for an unknown kind and
    BadDefinition for a find it does not have.
    """
    if not source.enrich:
        return source
    traits: dict[str, Reads] = {}
    properties: dict[str, Reads] = {}
    for entry in source.enrich:
        traits |= _fields(entry, entry.traits)
        properties |= _fields(entry, entry.properties)
    events = tuple(_with_properties(event, properties) for event in source.events)
    return replace(source, traits={**traits, **source.traits}, events=events)


def _with_properties(event: EventMap, properties: Mapping[str, Reads]) -> EventMap:
    return replace(event, properties={**properties, **event.properties})


def _fields(entry: EnrichMap, stated: Sequence[str] | Mapping[str, str]) -> dict[str, Reads]:
    """Our names → fields that read the finds."""
    kind = enrichers.find(entry.kind)
    pairs = dict(stated) if isinstance(stated, Mapping) else {name: name for name in stated}
    check_finds(entry.kind, kind, list(pairs.values()))
    found: dict[str, Reads] = {}
    for name, find in pairs.items():
        type_ = _TYPES[kind.finds[find]]
        found[name] = Field(column=entry.named(find), type=type_) if type_ else entry.named(find)  # type: ignore[arg-type]
    return found


def found_by(source: Source) -> dict[str, tuple[EnrichMap, str]]:
    """Every column that the entries of a source may fill: its name → the entry and the find."""
    return {entry.named(find): (entry, find) for entry in source.enrich for find in enrichers.find(entry.kind).finds}


Make = Callable[[str, Sequence[str]], Enriching]
"""Gives a kind of enrichment, held to some of its finds, ready to work."""


def at_work(source: Source, wanted: Iterable[str], make: Make) -> tuple[Enriched, ...]:
    """The entries of which some find is wanted (columns that the source names), each with the finds wanted."""
    named = set(wanted)
    made = []
    for number, entry in enumerate(source.enrich):
        finds = [find for find in enrichers.find(entry.kind).finds if entry.named(find) in named]
        if finds:
            made.append(Enriched(f"n{number}", entry, make(entry.kind, finds)))
    return tuple(made)


def with_found(
    entries: Sequence[Enriched], rows: pa.Table, columns: Mapping[str, str], traces: Traces, *, is_part: bool
) -> tuple[pa.Table, frozenset[str]]:
    """The chunk with a column per find; of entries with reasons, reason and masked text too, and their keys."""
    shown = set()
    for one in entries:
        found = one.at_work.look(_raws(traces, one.entry, rows, columns))
        for find in one.at_work.finds:
            rows = rows.append_column(one.entry.named(find), found.columns[find])
        if is_part or found.why.null_count < len(found.why):
            shown.add(one.key)
            rows = rows.append_column(ready_name(f"{one.key}_why"), found.why)
            rows = rows.append_column(ready_name(f"{one.key}_raw"), found.shown)
    return rows, frozenset(shown)


def _raws(traces: Traces, entry: EnrichMap, rows: pa.Table, columns: Mapping[str, str]) -> pa.ChunkedArray:
    """The text an entry reads, row by row."""
    import pyarrow as pa

    if entry.column and columns.get(entry.column) == "text" and pa.types.is_string(rows[entry.column].type):
        return rows[entry.column]
    read = Field(column=entry.column, columns=entry.columns, join=entry.join)
    there = {name: kind for name, kind in columns.items() if name in rows.column_names}
    raw = field_text(read, there).as_("raw")
    return traces.ask(exp.select(raw).from_(prepared(there, _CHUNK).subquery("p")), {_CHUNK: rows})["raw"]


def inputs(source: Source) -> Iterator[str]:
    """The columns that entries read."""
    for entry in source.enrich:
        yield from entry.columns or (entry.column,)
