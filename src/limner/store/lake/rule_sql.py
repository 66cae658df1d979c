"""The SQL reader of rules: a tree in, a SQLGlot query out, in our dialect. The column reader gives the same answers.

It asks two relations: `gallery`, one row per living customer with `number` and a column per tag, and `events` joined
with `links` (trace → number). Every value is a typed literal node; every leaf is made two-valued by COALESCE.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final

from sqlglot import exp

from limner.core.errors import NotFound, near, words
from limner.core.exact import MONEY_UNIT, from_units
from limner.core.rule.bounds import whole
from limner.core.rule.lexicon import EVENT_COLUMNS, Type
from limner.core.rule.resolve import bad_type
from limner.core.rule.tree import (
    And,
    Compare,
    Did,
    Has,
    In,
    Leaf,
    Match,
    Near,
    Not,
    Or,
    Rule,
    Sequence,
    Value,
    Values,
)
from limner.core.spans import need_zone, window
from limner.store.lake.sql import literal

NO_COLUMN = words("rule_sql_column_unknown", "The table {table!r} has no column {name!r}.")

EVENT_TYPES: Final[Mapping[str, Type]] = {word.id: word.type for word in EVENT_COLUMNS}
_EARTH_M: Final = 6_371_008.8
_INT64: Final = (-(1 << 63), (1 << 63) - 1)
_OPS: Final[Mapping[str, type[exp.Binary]]] = {
    "==": exp.EQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
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


def members_query(rule: Rule, reading: SqlReading) -> exp.Query:
    """The numbers of the customers a resolved rule holds for.

    >>> from datetime import UTC
    >>> reading = SqlReading({"orders": "int"}, datetime(2026, 9, 1, tzinfo=UTC), UTC)
    >>> members_query(Compare("orders", ">", 3), reading).sql("duckdb")
    'SELECT g.number FROM gallery AS g WHERE COALESCE("g"."orders" > 3, FALSE)'
    """
    number = exp.column("number", table="g")
    return exp.select(number).from_(exp.to_table("gallery").as_("g")).where(condition(rule, reading), copy=False)


def condition(rule: Rule, reading: SqlReading) -> exp.Expr:
    """A rule as a two-valued condition on a row of `gallery AS g`."""
    match rule:
        case And(parts):
            return exp.and_(*(condition(part, reading) for part in parts), copy=False)
        case Or(parts):
            return exp.or_(*(condition(part, reading) for part in parts), copy=False)
        case Not(part):
            return exp.not_(exp.paren(condition(part, reading), copy=False), copy=False)
        case Has() | Compare() | Did() | Sequence() | In() | Near():
            return _leaf(rule, reading)
    raise TypeError(f"{rule!r} is not a rule")


def behaviour_query(leaf: Did | Sequence, reading: SqlReading) -> exp.Query:
    """The numbers of the customers who did it, each once."""
    return _did(leaf, reading) if isinstance(leaf, Did) else _sequence(leaf, reading)


def _leaf(leaf: Leaf, reading: SqlReading) -> exp.Expr:
    match leaf:
        case Has(tag):
            column = _tag(tag, reading)
            if reading.tags[tag] == "bool":
                return _answered(column)
            return exp.not_(exp.Is(this=column, expression=exp.Null()))
        case Compare(tag, op, value):
            return _answered(_comparison(_tag(tag, reading), reading.tags[tag], tag, op, value))
        case Did() | Sequence():
            return exp.In(this=exp.column("number", table="g"), query=behaviour_query(leaf, reading).subquery())
        case In(audience):
            return _in_audience(audience, reading)
    return _near(leaf, reading)


def _in_audience(audience: str, reading: SqlReading) -> exp.Expr:
    rule = reading.audiences.get(audience)
    if rule is not None:
        return exp.paren(condition(rule, reading), copy=False)
    chosen = exp.EQ(this=exp.column("audience", table="m"), expression=literal(audience, "text"))
    members = exp.select(exp.column("number", table="m")).from_(exp.to_table("members").as_("m")).where(chosen)
    return exp.In(this=exp.column("number", table="g"), query=members.subquery())


def _near(leaf: Near, reading: SqlReading) -> exp.Expr:
    """Haversine, compared without its inverse: sin²(Δφ/2) + cos φ₀ cos φ sin²(Δλ/2) ≤ sin²(r / 2R)."""
    lon, lat = (exp.func("radians", exp.cast(_tag(f"{leaf.tag}.{part}", reading), "double")) for part in ("lon", "lat"))
    lon0, lat0 = (math.radians(float(part)) for part in leaf.point)
    bound = math.sin(min(float(leaf.radius_m) / (2 * _EARTH_M), math.pi / 2)) ** 2
    share = exp.Add(
        this=_half_sine(lat.copy(), lat0),
        expression=exp.Mul(
            this=exp.Mul(this=_double(math.cos(lat0)), expression=exp.func("cos", lat)),
            expression=_half_sine(lon, lon0),
        ),
    )
    return _answered(exp.LTE(this=share, expression=_double(bound)))


def _half_sine(angle: exp.Expr, middle: float) -> exp.Expr:
    half = exp.Div(this=exp.paren(exp.Sub(this=angle, expression=_double(middle))), expression=_double(2.0))
    return exp.func("pow", exp.func("sin", half), exp.Literal.number(2))


def _did(leaf: Did, reading: SqlReading) -> exp.Query:
    number = exp.column("number", table="l")
    start, end = (None, reading.asof) if leaf.within is None else window(reading.asof, leaf.within, reading.zone)
    found = _events(leaf.event, leaf.matching, start, end, reading).select(number).group_by(number)
    if leaf.times == 1:
        return found
    return found.having(exp.GTE(this=exp.Count(this=exp.Star()), expression=literal(leaf.times, "int")))


def _events(
    event: str, matching: tuple[Match, ...], start: datetime | None, end: datetime, reading: SqlReading
) -> exp.Select:
    """Events of one name inside [start, end), with the number of their customer."""
    conditions: list[exp.Expr] = [exp.EQ(this=exp.column("name", table="e"), expression=literal(event, "text"))]
    conditions += _bounds(start, end, reading)
    conditions += [_match(part, reading) for part in matching]
    return _joined().where(*conditions)


def _joined() -> exp.Select:
    on = exp.EQ(this=exp.column("trace", table="l"), expression=exp.column("trace", table="e"))
    links = exp.to_table("links").as_("l")
    return exp.Select().from_(exp.to_table("events").as_("e")).join(links, on=on, join_type="inner")


def _bounds(start: datetime | None, end: datetime, reading: SqlReading) -> list[exp.Expr]:
    moment = exp.column("happened_at", table="e")
    found: list[exp.Expr] = [exp.LT(this=moment, expression=literal(need_zone(end), "timestamp"))]
    if start is not None:
        found.append(exp.GTE(this=moment.copy(), expression=literal(start, "timestamp")))
    if reading.known is not None:
        received = exp.column("received_at", table="e")
        in_time = exp.LT(this=received, expression=literal(need_zone(reading.known), "timestamp"))
        found.append(exp.paren(exp.or_(_answered(in_time), _answered(exp.column("is_history", table="e")))))
    return found


def _sequence(leaf: Sequence, reading: SqlReading) -> exp.Query:
    """One row per customer and instant with a flag per step; then, step by step, the latest first instant of a chain
    that reached the step strictly before. A sort, no self-join."""
    steps = [
        exp.and_(
            exp.EQ(this=exp.column("name", table="e"), expression=literal(step.event, "text")),
            *(_answered(_match(part, reading)) for part in step.matching),
        )
        for step in leaf.steps
    ]
    number, moment = exp.column("number", table="l"), exp.column("happened_at", table="e")
    flags = [exp.Max(this=_one_or_zero(step)).as_(f"step_{k}") for k, step in enumerate(steps)]
    rows = (
        _joined()
        .select(number, moment, *flags)
        .where(exp.paren(exp.or_(*(step.copy() for step in steps))), *_bounds(None, reading.asof, reading))
        .group_by(number.copy(), moment.copy())
    )
    moment = exp.column("happened_at")
    first = exp.Case().when(_is_step(0), moment).as_("start_0")
    query = exp.select(exp.Star(), first).from_(rows.subquery("s"))
    for k in range(1, len(steps)):
        start = exp.Case().when(_is_step(k), _latest_before(f"start_{k - 1}")).as_(f"start_{k}")
        query = exp.select(exp.Star(), start).from_(query.subquery("s"))
    start_column = exp.column(f"start_{len(steps) - 1}")
    done: list[exp.Expr] = [exp.not_(exp.Is(this=start_column, expression=exp.Null()))]
    if leaf.within is not None:
        seconds = exp.Literal.string(str(int(leaf.within.total_seconds())))
        span = exp.Interval(this=seconds, unit=exp.var("SECOND"))
        done.append(exp.LT(this=moment.copy(), expression=exp.Add(this=start_column.copy(), expression=span)))
    return exp.select(exp.column("number")).distinct().from_(query.subquery("s")).where(*done)


def _latest_before(column: str) -> exp.Expr:
    """The largest value of a column in the customer's strictly earlier rows; rows are distinct by instant."""
    return exp.Window(
        this=exp.Max(this=exp.column(column)),
        partition_by=[exp.column("number")],
        order=exp.Order(expressions=[exp.Ordered(this=exp.column("happened_at"), nulls_first=True)]),
        spec=exp.WindowSpec(
            kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end=exp.Literal.number(1), end_side="PRECEDING"
        ),
    )


def _is_step(k: int) -> exp.Expr:
    return exp.EQ(this=exp.column(f"step_{k}"), expression=exp.Literal.number(1))


def _one_or_zero(test: exp.Expr) -> exp.Expr:
    return exp.Case().when(test, exp.Literal.number(1)).else_(exp.Literal.number(0))


def _match(part: Match, reading: SqlReading) -> exp.Expr:
    if part.name not in reading.properties:
        raise NotFound(NO_COLUMN, near=near(part.name, reading.properties), table="events", name=part.name)
    column = exp.column(part.name, table="e", quoted=True)
    return _comparison(column, reading.properties[part.name], part.name, part.op, part.value)


def _tag(tag: str, reading: SqlReading) -> exp.Column:
    if tag not in reading.tags:
        raise NotFound(NO_COLUMN, near=near(tag, reading.tags), table="gallery", name=tag)
    return exp.column(tag, table="g", quoted=True)


def _answered(test: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=test, expressions=[exp.false()])


def _double(value: float) -> exp.Expr:
    return exp.cast(exp.Literal.string(repr(value)), "double")


def _comparison(column: exp.Column, type_: Type, name: str, op: str, value: Values) -> exp.Expr:
    """The comparison; true for every known answer, or false, when the value lies outside the column's type."""
    if not isinstance(value, tuple):
        found = _constant(type_, name, op, value)
        if isinstance(found, bool):
            return exp.not_(exp.Is(this=column, expression=exp.Null())) if found else exp.false()
        return _OPS[found[0]](this=column, expression=found[1])
    constants = [_constant(type_, name, "==", one) for one in value]
    kept = [found[1] for found in constants if not isinstance(found, bool)]
    return exp.In(this=column, expressions=kept) if kept else exp.false()


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
            return op, _double(float(number))
        case "bool" if isinstance(value, bool) and op in ("==", "!="):
            return op, literal(value, "bool")
        case "text" if isinstance(value, str) and op in ("==", "!="):
            return op, literal(value, "text")
        case "day" if isinstance(value, date) and not isinstance(value, datetime):
            return op, literal(value, "date")
        case "instant" if isinstance(value, datetime):
            return op, literal(value, "timestamp")
    raise bad_type(type_, name, op, value)
