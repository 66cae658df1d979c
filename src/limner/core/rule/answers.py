"""What both readers of a rule agree upon: values told from the asof, and what no event at all answers."""

from __future__ import annotations

from datetime import datetime, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import cast

from limner.core.rule.lexicon import Type
from limner.core.rule.tree import Aggregate, Value, Values
from limner.core.rule.windows import Ago, told, told_day


def dated(value: Values, type_: Type, asof: datetime, zone: tzinfo) -> Values:
    """A value with the moments told from the asof put in: days for a column of days, else instants in UTC."""
    if isinstance(value, tuple):
        return tuple(cast("Value", dated(one, type_, asof, zone)) for one in value)
    if not isinstance(value, Ago):
        return value
    if type_ == "day" and value.days is not None:
        return told_day(value.days, asof, zone)
    return told(value, asof, zone)


def has_ago(value: Values) -> bool:
    """Whether a value is told from the asof."""
    return any(isinstance(one, Ago) for one in (value if isinstance(value, tuple) else (value,)))


def holds_of_none(leaf: Aggregate) -> bool:
    """Whether it holds for who has no such event: a count, a sum and a number of values of none are 0.

    >>> holds_of_none(Aggregate("count", "Order Completed", "", "<", 3))
    True
    """
    if leaf.function not in ("count", "sum", "distinct"):
        return False
    if isinstance(leaf.value, tuple):
        return 0 in leaf.value
    return compares(Fraction(0), leaf.op, cast("int | Decimal", leaf.value))


def compares(number: Fraction, op: str, value: int | Decimal) -> bool:
    """An exact comparison of a number."""
    bound = Fraction(value)
    return {
        "==": number == bound,
        "!=": number != bound,
        "<": number < bound,
        "<=": number <= bound,
        ">": number > bound,
        ">=": number >= bound,
    }[op]
