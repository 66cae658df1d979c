"""A source held against the columns of a file: fields become readings, conditions flags, unknown columns errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from sqlglot import exp

from limner.core.errors import BadDefinition, near, words
from limner.core.kinds import SHIPPED, IdentifierKind, Kinds
from limner.flow.sources.conditions import columns_of, condition
from limner.flow.sources.definition import Condition, EventMap, Field, Reads, Source, as_field, is_read
from limner.flow.sources.enriching import Enriched, Make, at_work, found_by, inputs, spelled_out
from limner.flow.sources.names import ORDER, REFUND
from limner.flow.sources.readings import Reading, Type, source_text

UNKNOWN_COLUMN = words("source_column_unknown", "Source {source!r}: {path} has no column {column!r}. It has: {known}.")
NOTHING_MAPPED = words(
    "source_maps_nothing",
    "Source {source!r} says of no column what it means. Add events, traits, items, consents or another section.",
)
NEEDED = words("source_field_needed", "Source {source!r}: {section} needs the field {name!r}.")
NO_OWNER = words(
    "source_needs_identifiers", "Source {source!r}: {section} belong to somebody. Map identifiers as well."
)

NOT_IN_PLACE = words(
    "source_not_in_place",
    "Source {source!r}: rows can be read in place where each is an event of its own, in Parquet files; it has {what}. "
    "Leave in_place out, and its rows are taken in.",
)

EVENT: Mapping[str, Type] = {
    "name": "name",
    "happened_at": "instant",
    "event_id": "key",
    "order_id": "key",
    "item_id": "key",
    "category": "text",
    "quantity": "number",
    "amount": "money",
    "currency": "key",
    "via": "key",
    "session": "key",
    "extra": "json",
}
LINE_FIELDS: Mapping[str, Type] = {
    "item_id": "key",
    "quantity": "number",
    "price": "money",
    "list_price": "money",
    "amount": "money",
    "category": "text",
}
SECTIONS: Mapping[str, Mapping[str, Type]] = {
    "items": {
        "item_id": "key",
        "name": "text",
        "category": "text",
        "price": "money",
        "cost": "money",
        "on_sale_at": "instant",
        "off_sale_at": "instant",
    },
    "holdings": {"kind": "text", "item_id": "key", "opened_at": "date", "closed_at": "date", "amount": "money"},
    "relations": {"kind": "text", "operator": "key", "happened_at": "instant", "until_at": "date"},
    "sites": {"site_id": "key", "name": "text", "org": "text", "longitude": "float", "latitude": "float"},
    "consents": {
        "channel": "key",
        "granted": "bool",
        "happened_at": "instant",
        "purpose": "key",
        "until_at": "date",
        "uses": "number",
        "proof": "text",
    },
    "receipts": {"message_key": "key", "status": "receipt", "happened_at": "instant", "amount": "money"},
}
NEEDS = {
    "items": ("item_id",),
    "holdings": ("kind", "item_id", "opened_at"),
    "relations": ("kind", "happened_at"),
    "sites": ("site_id",),
    "consents": ("channel", "granted", "happened_at"),
    "receipts": ("message_key", "status", "happened_at"),
}
"""Fields without which a row of the section is rejected."""

OWNED = ("traits", "holdings", "relations", "consents")
"""Sections whose rows must carry an identifier."""

MISSING = {
    "happened_at": "no date",
    "name": "no event name",
    "item_id": "no item",
    "order_id": "no order number",
    "amount": "no amount",
}
_TRAIT_TYPES: Mapping[str, Type] = {
    "text": "text",
    "place": "text",
    "number": "float",
    "money": "float",
    "bool": "bool",
    "instant": "instant",
    "date": "date",
}
_PROPERTY_TYPES: Mapping[str, Type] = {
    "text": "text",
    "money": "money",
    "float64": "float",
    "bool": "bool",
    "instant": "date",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of a section: its fields (canonical column → reading key), and the flag of the rows it takes."""

    section: str
    fields: Mapping[str, str]
    flag: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    loose: Mapping[str, str] = field(default_factory=dict)
    is_per_line: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """An identifier column: its kind, its key, its label, and the field it is read from."""

    key: str
    kind: IdentifierKind
    label: str
    field: Field
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Mapped:
    """A source over the columns of a file: what to read, which rows a part takes, which rows must not be used."""

    source: Source
    columns: Mapping[str, str]
    readings: Mapping[str, Reading]
    identifiers: tuple[Named, ...]
    parts: tuple[Part, ...]
    lines: Part | None
    traits: Mapping[str, str]
    flags: Mapping[str, Condition]
    rules: tuple[tuple[str, str], ...]
    stamps: tuple[str, ...]
    zone: str
    currency: str
    enriched: tuple[Enriched, ...] = ()

    @property
    def used_columns(self) -> tuple[str, ...]:
        """The columns to read from the file: those the source names, or all when it keeps the others too."""
        used = tuple(self.columns) if self.source.extra == "keep" else mentioned(self.source, self.columns)
        found = {name for one in self.enriched for name in one.columns}
        return tuple(name for name in used if name not in found)

    def of(self, section: str) -> Iterator[Part]:
        """The parts of a section."""
        return (part for part in self.parts if part.section == section)


class _Desk:
    """Gathers readings and flags; two fields that read the same column the same way share one."""

    def __init__(self, columns: Mapping[str, str], zone: str, place: str) -> None:
        self.columns, self.zone, self.place = columns, zone, place
        self.readings: dict[str, Reading] = {}
        self.flags: dict[str, Condition] = {}

    def read(self, reads: Reads, type_: Type) -> str:
        long = as_field(reads)
        label = long.column or "+".join(long.columns) or repr(long.constant)
        for key, known in self.readings.items():
            if known.field == long and known.type == type_:
                return key
        key = f"r{len(self.readings)}"
        self.readings[key] = Reading(key, long, type_, label, self.zone)
        return key

    def flag(self, matching: Mapping[str, object]) -> str:
        if not matching:
            return ""
        key = f"f{len(self.flags)}"
        flag_tree(matching, self.columns, self.place)
        self.flags[key] = matching
        return key

    def part(self, section: str, entry: Any, types: Mapping[str, Type]) -> Part:
        found = {name: self.read(getattr(entry, name), t) for name, t in types.items() if is_read(getattr(entry, name))}
        return Part(section, found, self.flag(getattr(entry, "matching", {})))


def flag_tree(matching: Condition, columns: Mapping[str, str], place: str) -> exp.Expr:
    """The SQL of a condition over the columns of a chunk; a column the chunk lacks is null."""

    def text(column: str) -> exp.Expr:
        if column not in columns:
            return exp.cast(exp.null(), "VARCHAR")
        return source_text(exp.column(column, quoted=True), columns[column])

    return condition(matching, text, place)


def mapped(
    source: Source,
    columns: Mapping[str, str],
    path: object,
    *,
    zone: str,
    currency: str,
    properties: Mapping[str, str],
    enrich: Make | None = None,
    kinds: Kinds = SHIPPED,
) -> Mapped:
    """Hold a source against the columns of a file (name → type in words).

    `properties` are the typed columns of events: name without `p_` → type; `kinds` those of identifiers. Without
    `enrich`, which makes them ready, its entries are only held against the columns. Raises BadDefinition for a column
    the file does not have, with names that may have been meant.
    """
    _need_in_place(source)
    source = spelled_out(source)
    wanted = [name for name in found_by(source) if name in set(_mentions(source))]
    columns = {**columns, **dict.fromkeys(wanted, "text")}
    _check(source, columns, path)
    desk = _Desk(columns, source.zone or zone, f"sources/{source.id}")
    parts = [_event(desk, entry, properties, is_live=source.live is not None) for entry in source.events]
    for section, types in SECTIONS.items():
        entries = getattr(source, section)
        several = entries if isinstance(entries, tuple) else (entries,) if entries else ()
        parts += [desk.part(section, entry, types) for entry in several]
    lines = desk.part("lines", source.lines, LINE_FIELDS) if source.lines else None
    stamps = tuple(dict.fromkeys(p.fields["happened_at"] for p in parts if "happened_at" in p.fields))
    traits = {name: desk.read(r, _TRAIT_TYPES[as_field(r).type or "text"]) for name, r in source.traits.items()}
    if is_read(source.traits_at):
        stamps = (*stamps, desk.read(source.traits_at, "date"))
    rules = tuple((desk.flag(rule.matching), rule.reason) for rule in source.reject)
    if source.cancelled:
        desk.flags["f_cancelled"] = desk.flags.pop(desk.flag(source.cancelled))
    identifiers = _identifiers(desk, source, kinds)
    return Mapped(
        source, columns, desk.readings, identifiers, tuple(parts), lines, traits, desk.flags, rules,
        tuple(dict.fromkeys(stamps)), desk.zone, source.currency or currency,
        at_work(source, wanted, enrich) if enrich is not None else (),
    )  # fmt: skip


def _event(desk: _Desk, entry: EventMap, properties: Mapping[str, str], *, is_live: bool) -> Part:
    """The part of an event; names of live ones are canonical already."""
    part = desk.part("events", entry, {**EVENT, "name": "key"} if is_live else EVENT)
    typed = {
        name: desk.read(r, _PROPERTY_TYPES[properties[name]])
        for name, r in entry.properties.items()
        if name in properties
    }
    loose = {name: desk.read(r, "text") for name, r in entry.properties.items() if name not in properties}
    return Part("events", part.fields, part.flag, typed, loose, is_per_line=entry.is_amount_per_line)


def _identifiers(desk: _Desk, source: Source, kinds: Kinds) -> tuple[Named, ...]:
    found = [(f"i{n}", kind, reads, False) for n, (kind, reads) in enumerate(source.identifiers.items())]
    found += [(f"o{n}", r.other_kind, r.other, True) for n, r in enumerate(source.relations) if is_read(r.other)]
    named = []
    for key, kind, reads, is_other in found:
        long = as_field(reads)
        label = long.column or "+".join(long.columns)
        named.append(Named(key, kinds.of(kind.partition("#")[0]), label, long, is_other))
    return tuple(sorted(named, key=lambda n: (n.is_other, n.kind.rank)))


# ------------------------------------------------------------------------------------------------ checks


def mentioned(source: Source, columns: Sequence[str] | Mapping[str, str]) -> tuple[str, ...]:
    """The columns of the file that a source names, in the order of the file."""
    wanted = set(_mentions(source))
    return tuple(name for name in columns if name in wanted)


def every_column(source: Source) -> tuple[str, ...]:
    """Every column of its files that a source names, wherever it does."""
    found = found_by(source)
    return tuple(dict.fromkeys(name for name in _mentions(source) if name and name not in found))


def _mentions(source: Source) -> Iterator[str]:
    for long in _fields_of(source):
        yield from (long.columns or (long.column,) if long.column or long.columns else ())
    for matching in (source.cancelled, *(r.matching for r in source.reject), *_matchings(source)):
        yield from columns_of(matching)
    yield from inputs(source)


def _need_in_place(source: Source) -> None:
    """Refuse a source that cannot be read in place, though it says so."""
    if not source.in_place:
        return
    has = {
        "order lines": source.lines, "receipts": source.receipts, "live clients": source.live, "a database": source.sql,
        "columns at fixed places": source.fixed, "no events": not source.events,
    }  # fmt: skip
    for what, is_there in has.items():
        if is_there:
            raise BadDefinition(NOT_IN_PLACE, source=source.id, what=what)


def _matchings(source: Source) -> Iterator[Mapping[str, object]]:
    for section in (source.events, source.holdings, source.relations, source.consents):
        yield from (entry.matching for entry in section)


def _fields_of(value: object) -> Iterator[Field]:
    if isinstance(value, Field):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            inner = getattr(value, part.name)
            if part.name in (_NOT_READ_OF_SOURCE if isinstance(value, Source) else _NOT_READ):
                continue
            if isinstance(inner, str):
                yield Field(column=inner)
            else:
                yield from _fields_of(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _fields_of(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield as_field(inner) if isinstance(inner, str | Field) else Field()


_NOT_READ = frozenset({"matching", "other_kind"})
_NOT_READ_OF_SOURCE = frozenset(
    [
        "id",
        "files",
        "name",
        "kind",
        "encoding",
        "delimiter",
        "quote",
        "escape",
        "columns",
        "fixed",
        "control",
        "sql",
        "replaces",
        "sheet",
        "strip",
        "zone",
        "currency",
        "extra",
        "optional",
        "enrich",
        "checks",
        "drift",
        "money",
        "ask",
        "cancelled",
        "reject",
        "live",
    ]
)
"""Fields that read no column: of the parts of a source, and of a source itself."""


def _check(source: Source, columns: Mapping[str, str], path: object) -> None:
    if not (source.events or source.traits or source.identifiers or any(getattr(source, s) for s in SECTIONS)):
        raise BadDefinition(NOTHING_MAPPED, source=source.id)
    for name in dict.fromkeys(_mentions(source)):
        if name and name not in columns and name not in source.optional:
            raise BadDefinition(
                UNKNOWN_COLUMN,
                near=near(name, columns),
                source=source.id,
                path=getattr(path, "name", path),
                column=name,
                known=", ".join(list(columns)[:30]),
            )
    for section in OWNED:
        if getattr(source, section) and not source.identifiers:
            raise BadDefinition(NO_OWNER, source=source.id, section=section)
    for entry in source.relations:
        if is_read(entry.other) and not entry.other_kind:
            raise BadDefinition(NEEDED, source=source.id, section="relations", name="other_kind")
    for event in source.events:
        if source.lines and not is_read(event.order_id):
            raise BadDefinition(NEEDED, source=source.id, section="events (the file has order lines)", name="order_id")


MONEY_EVENTS = (ORDER, REFUND)
"""Events that must have an amount when one is mapped."""
