"""Where the values a check speaks of lie: a header of the file, or a column of the lake, as table and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.core.errors import BadDefinition, near, words
from limner.flow.sources.definition import EventMap, Reads, as_field

if TYPE_CHECKING:
    from limner.flow.sources.definition import Source

NO_PLACE = words(
    "check_column_unknown",
    "{place}: no column {column!r}. A check speaks of a column the source maps ({known}), or of a place in the lake "
    "such as events.amount.",
)
NOT_KEPT = words(
    "check_column_not_kept",
    "{place}: {column!r} is an identifier: its values are not kept. Check the share of rows without a customer "
    "(check: anonymous) or of rows refused (check: rejects).",
)
TABLES = ("events", "lines", "items", "traits", "holdings", "relations", "sites", "consents")
"""Tables a check may look at."""

CONSENT_COLUMNS: Mapping[str, str] = {
    "channel": "text",
    "purpose": "text",
    "is_granted": "bool",
    "happened_at": "instant",
    "until_at": "instant",
    "uses": "int32",
    "proof": "text",
}
_TRAIT_COLUMNS = {"number": "number", "money": "number", "bool": "number", "instant": "instant", "date": "instant"}


@dataclass(frozen=True, slots=True)
class Place:
    """A column of a table; of `traits` one trait, of events and lines perhaps those of one name only."""

    table: str
    column: str
    name: str = ""
    type: str = "text"
    is_loose: bool = False
    """Whether it is a trait nobody gave a type: clients state it as they like."""

    @property
    def value(self) -> exp.Expr:
        """The column; of a trait without a type whatever was stated, as text."""
        if not self.is_loose:
            return exp.column(self.column)
        return exp.func("coalesce", *(exp.cast(exp.column(name), "VARCHAR") for name in ("text", "number", "instant")))

    @property
    def size(self) -> exp.Expr:
        """The value as a number."""
        return exp.column("number") if self.is_loose else exp.column(self.column)

    @property
    def which(self) -> exp.Expr:
        """The rows meant."""
        if not self.name:
            return exp.true()
        return exp.func("coalesce", exp.column("name").eq(exp.Literal.string(self.name)), exp.false())

    def __str__(self) -> str:
        return f"traits.{self.name}" if self.table == "traits" else f"{self.table}.{self.column}"


Columns = Mapping[str, Mapping[str, str]]
"""Table → column → type, of the lake as it is with the properties declared."""


def find(source: Source, subject: str, event: str, columns: Columns, place: str) -> Place:
    """The place of a header or of table.column. Raises BadDefinition for one there is not."""
    table, _, column = subject.partition(".")
    known = {**columns, "consents": CONSENT_COLUMNS}
    if table == "traits" and column:
        kind, is_loose = _trait_column(source, column), source.live is not None
        return Place("traits", kind, column, kind, is_loose)
    if table in TABLES and column in known[table]:
        return Place(table, column, event, known[table][column])
    if table == "identifiers" or any(subject in _read(reads) for reads in source.identifiers.values()):
        raise BadDefinition(NOT_KEPT, place=place, column=subject)
    found = list(dict.fromkeys(_mapped(source, subject, columns)))
    kept = [one for one in found if one.table == "traits" or one.column in known[one.table]]
    if not kept:
        headers = list(dict.fromkeys(_headers(source))) if source.live is None else sorted(known["events"])
        raise BadDefinition(
            NO_PLACE, near=near(subject, headers), place=place, column=subject, known=", ".join(headers[:20])
        )
    first = kept[0]
    if first.table == "traits":
        return Place("traits", first.column, first.name, first.column)
    alike = [one for one in kept if (one.table, one.column) == (first.table, first.column)]
    name = event or (first.name if len(alike) == 1 and len(source.events) > 1 else "")
    return Place(first.table, first.column, name, known[first.table][first.column])


def _read(reads: Reads) -> tuple[str, ...]:
    long = as_field(reads)
    return long.columns or ((long.column,) if long.column else ())


def _trait_column(source: Source, name: str) -> str:
    reads = source.traits.get(name)
    return _TRAIT_COLUMNS.get(as_field(reads).type, "text") if reads is not None else "text"


def _mapped(source: Source, header: str, columns: Columns) -> Iterator[Place]:
    """Everywhere a header goes; what is said live bears the names of the lake, or of declared properties."""
    if source.live is not None:
        yield from (Place("events", name) for name in (header, f"p_{header}") if name in columns["events"])
        if header in columns["lines"]:
            yield Place("lines", header)
    for event in source.events:
        yield from (Place("events", column, _constant(event)) for column in _fields(event, header))
        yield from (
            Place("events", f"p_{name}", _constant(event))
            for name, reads in event.properties.items()
            if header in _read(reads)
        )
    for table in ("lines", "items", "sites"):
        entry = getattr(source, table)
        yield from (Place(table, column) for column in (_fields(entry, header) if entry is not None else ()))
    for name, reads in source.traits.items():
        if header in _read(reads):
            yield Place("traits", _trait_column(source, name), name)
    for table in ("holdings", "relations", "consents"):
        for entry in getattr(source, table):
            yield from (Place(table, "is_granted" if c == "granted" else c) for c in _fields(entry, header))


def _fields(entry: object, header: str) -> Iterator[str]:
    for column in getattr(entry, "__slots__", ()):
        value = getattr(entry, column)
        is_read = column not in ("matching", "properties", "other_kind") and not isinstance(value, bool | Mapping)
        if is_read and header in _read(value):
            yield column


def _constant(event: EventMap) -> str:
    return as_field(event.name).constant


def _headers(source: Source) -> Iterator[str]:
    from limner.flow.sources.mapping import every_column

    named = {header for reads in source.identifiers.values() for header in _read(reads)}
    yield from (header for header in every_column(source) if header not in named)
