"""The SQL reader of rules: a tree in, a SQLGlot query out, in our dialect. The column reader gives the same answers.

It asks two relations: `gallery`, one row per living customer with `number` and a column per tag, and `events` joined
with `links` (trace → number). Every value is a typed literal node; every leaf is made two-valued by COALESCE.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from sqlglot import exp

from limner.core.rule.answers import holds_of_none
from limner.core.rule.sample import PRIME, bound, keys
from limner.core.rule.tree import (
    Aggregate,
    And,
    Compare,
    Did,
    Has,
    In,
    Leaf,
    Near,
    Not,
    Or,
    Rule,
    Sample,
    Sequence,
    Top,
)
from limner.store.lake.rule_events import behaviour_query
from limner.store.lake.rule_values import SqlReading, answered, comparison, double, tag_column
from limner.store.lake.sql import literal

__all__ = ["SqlReading", "behaviour_query", "condition", "members_query"]

_EARTH_M: Final = 6_371_008.8


def members_query(rule: Rule, reading: SqlReading) -> exp.Query:
    """The numbers of the customers a resolved rule holds for.

    >>> from datetime import UTC, datetime
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
        case Has() | Compare() | Did() | Aggregate() | Sequence() | In() | Near() | Top() | Sample():
            return _leaf(rule, reading)
    raise TypeError(f"{rule!r} is not a rule")


def _leaf(leaf: Leaf, reading: SqlReading) -> exp.Expr:
    match leaf:
        case Has(tag):
            column = tag_column(tag, reading)
            if reading.tags[tag] == "bool":
                return answered(column)
            return exp.not_(exp.Is(this=column, expression=exp.Null()))
        case Compare(tag, op, value):
            return answered(comparison(tag_column(tag, reading), reading.tags[tag], tag, op, value, reading))
        case Did() | Sequence() | Aggregate():
            found = _among(behaviour_query(leaf, reading))
            return exp.not_(found) if isinstance(leaf, Aggregate) and holds_of_none(leaf) else found
        case Top():
            return _among(_top(leaf, reading))
        case Sample():
            return _among(_sample(leaf))
        case In(audience):
            return _in_audience(audience, reading)
    return _near(leaf, reading)


def _among(query: exp.Query) -> exp.Expr:
    return exp.In(this=exp.column("number", table="g"), query=query.subquery())


def _top(leaf: Top, reading: SqlReading) -> exp.Query:
    """The numbers of those of whom fewer than the share have a better answer."""
    column = tag_column(leaf.tag, reading)
    order = exp.Order(expressions=[exp.Ordered(this=column, desc=not leaf.is_bottom, nulls_first=False)])
    better = exp.Sub(this=exp.Window(this=exp.func("rank"), order=order), expression=exp.Literal.number(1))
    everyone = exp.Window(this=exp.Count(this=exp.Star()))
    known = exp.not_(exp.Is(this=column.copy(), expression=exp.Null()))
    number = exp.column("number", table="g")
    rows = exp.select(number, better.as_("better"), everyone.as_("everyone")).from_(exp.to_table("gallery").as_("g"))
    over, under = Fraction(leaf.share).as_integer_ratio()
    test = exp.LT(
        this=exp.Mul(this=exp.column("better", table="r"), expression=_wide(under)),
        expression=exp.Mul(this=exp.column("everyone", table="r"), expression=_wide(over)),
    )
    return exp.select(exp.column("number", table="r")).from_(rows.where(known).subquery("r")).where(test)


def _wide(number: int) -> exp.Expr:
    return exp.cast(exp.Literal.string(str(number)), exp.DataType.build("decimal(28, 0)", dialect="duckdb"))


def _sample(leaf: Sample) -> exp.Query:
    """The numbers a salt draws: round by round, whole numbers below 2^63 only."""
    place = exp.column("place")
    prime = exp.Literal.number(PRIME)
    number = exp.cast(exp.column("number", table="g"), "bigint")
    rows = exp.select(exp.column("number", table="g"), number.as_("place")).from_(exp.to_table("gallery").as_("g"))
    for key in keys(leaf.salt):
        moved = exp.Mod(this=exp.paren(place + exp.Literal.number(key)), expression=prime.copy())
        rows = exp.select("number", moved.as_("place")).from_(rows.subquery("r"))
        square = exp.paren(exp.Mod(this=exp.paren(place * place.copy()), expression=prime.copy()))
        cube = exp.Mod(this=exp.paren(square * place.copy()), expression=prime.copy())
        rows = exp.select("number", cube.as_("place")).from_(rows.subquery("r"))
    drawn = exp.LT(this=exp.column("place"), expression=exp.Literal.number(bound(leaf.share)))
    return exp.select("number").from_(rows.subquery("r")).where(drawn)


def _in_audience(audience: str, reading: SqlReading) -> exp.Expr:
    rule = reading.audiences.get(audience)
    if rule is not None:
        return exp.paren(condition(rule, reading), copy=False)
    chosen = exp.EQ(this=exp.column("audience", table="m"), expression=literal(audience, "text"))
    members = exp.select(exp.column("number", table="m")).from_(exp.to_table("members").as_("m")).where(chosen)
    return exp.In(this=exp.column("number", table="g"), query=members.subquery())


def _near(leaf: Near, reading: SqlReading) -> exp.Expr:
    """Haversine, compared without its inverse: sin²(Δφ/2) + cos φ₀ cos φ sin²(Δλ/2) ≤ sin²(r / 2R)."""
    lon, lat = (
        exp.func("radians", exp.cast(tag_column(f"{leaf.tag}.{part}", reading), "double")) for part in ("lon", "lat")
    )
    lon0, lat0 = (math.radians(float(part)) for part in leaf.point)
    bound = math.sin(min(float(leaf.radius_m) / (2 * _EARTH_M), math.pi / 2)) ** 2
    share = exp.Add(
        this=_half_sine(lat.copy(), lat0),
        expression=exp.Mul(
            this=exp.Mul(this=double(math.cos(lat0)), expression=exp.func("cos", lat)),
            expression=_half_sine(lon, lon0),
        ),
    )
    return answered(exp.LTE(this=share, expression=double(bound)))


def _half_sine(angle: exp.Expr, middle: float) -> exp.Expr:
    half = exp.Div(this=exp.paren(exp.Sub(this=angle, expression=double(middle))), expression=double(2.0))
    return exp.func("pow", exp.func("sin", half), exp.Literal.number(2))
