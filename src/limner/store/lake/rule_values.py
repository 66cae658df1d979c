"""How the SQL reader of rules writes values: what a rule is read against, comparisons of a column, typed constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final

from sqlglot import exp

from limner.core.errors import NotFound, near, words
from limner.core.exact import MONEY_UNIT, from_units
from limner.core.rule.answers import dated
from limner.core.rule.bounds import whole
from limner.core.rule.lexicon import EVENT_COLUMNS, Type
from limner.core.rule.resolve import bad_type
from limner.core.rule.tree import TEXTUAL, Rule, Value, Values
from limner.store.lake.sql import literal

NO_COLUMN = words("rule_sql_column_unknown", "The table {table!r} has no column {name!r}.")

EVENT_TYPES: Final[Mapping[str, Type]] = {word.id: word.type for word in EVENT_COLUMNS}
_INT64: Final = (-(1 << 63), (1 << 63) - 1)
_OPS: Final[Mapping[str, type[exp.Binary]]] = {
    "==": exp.EQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}


_TEXTUAL: Final[Mapping[str, type[exp.Expr]]] = {
    "contains": exp.Contains,
    "starts_with": exp.StartsWith,
    "ends_with": exp.EndsWith,
}


@dataclass(frozen=True, slots=True)
class SqlReading:
    """What a rule is read against: the types of tags and event properties, the instant, and the rules of audiences.

    `tags` maps a tag's id to its type, `properties` an event column to its type. An audience without a rule here is
    asked of the relation `members` (audience, number). `known` bounds when facts were received; rows marked
    `is_history` are always known.
    """

    tags: Mapping[str, Type]
    asof: datetime
    zone: tzinfo
    properties: Mapping[str, Type] = field(default_factory=lambda: EVENT_TYPES)
    audiences: Mapping[str, Rule] = field(default_factory=dict)
    known: datetime | None = None


def event_column(name: str, reading: SqlReading) -> tuple[exp.Column, Type]:
    """A property of `events AS e`, and its type."""
    if name not in reading.properties:
        raise NotFound(NO_COLUMN, near=near(name, reading.properties), table="events", name=name)
    return exp.column(name, table="e", quoted=True), reading.properties[name]


def tag_column(tag: str, reading: SqlReading) -> exp.Column:
    """A column of `gallery AS g`."""
    if tag not in reading.tags:
        raise NotFound(NO_COLUMN, near=near(tag, reading.tags), table="gallery", name=tag)
    return exp.column(tag, table="g", quoted=True)


def answered(test: exp.Expr) -> exp.Expr:
    """A test that is false where its answer is unknown."""
    return exp.Coalesce(this=test, expressions=[exp.false()])


def double(value: float) -> exp.Expr:
    """A number as a double."""
    return exp.cast(exp.Literal.string(repr(value)), "double")


def comparison(column: exp.Expr, type_: Type, name: str, op: str, value: Values, reading: SqlReading) -> exp.Expr:
    """The comparison; true for every known answer, or false, when the value lies outside the column's type."""
    value = dated(value, type_, reading.asof, reading.zone)
    if op in TEXTUAL:
        if type_ != "text" or not isinstance(value, str):
            raise bad_type(type_, name, op, value)
        return _TEXTUAL[op](this=column, expression=literal(value, "text"))
    if not isinstance(value, tuple):
        found = _constant(type_, name, op, value)
        if isinstance(found, bool):
            return exp.not_(exp.Is(this=column, expression=exp.Null())) if found else exp.false()
        return _OPS[found[0]](this=column, expression=found[1])
    constants = [_constant(type_, name, "==", one) for one in value]
    kept = [found[1] for found in constants if not isinstance(found, bool)]
    return exp.In(this=column, expressions=kept) if kept else exp.false()


def compared(left: exp.Expr, op: str, right: exp.Expr) -> exp.Expr:
    """Two expressions compared."""
    return _OPS[op](this=left, expression=right)


def _constant(type_: Type, name: str, op: str, value: Value) -> tuple[str, exp.Expr] | bool:
    number = value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    match type_:
        case "int" if number is not None:
            found = whole(op, number, *_INT64)
            return found if isinstance(found, bool) else (found[0], literal(found[1], "int"))
        case "money" if number is not None:
            found = whole(op, number * MONEY_UNIT, -(10**18) + 1, 10**18 - 1)
            return found if isinstance(found, bool) else (found[0], literal(from_units(found[1]), "decimal"))
        case "float" if number is not None:
            return op, double(float(number))
        case "bool" if isinstance(value, bool) and op in ("==", "!="):
            return op, literal(value, "bool")
        case "text" if isinstance(value, str) and op in ("==", "!="):
            return op, literal(value, "text")
        case "day" if isinstance(value, date) and not isinstance(value, datetime):
            return op, literal(value, "date")
        case "instant" if isinstance(value, datetime):
            return op, literal(value, "timestamp")
    raise bad_type(type_, name, op, value)
