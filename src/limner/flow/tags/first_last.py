"""The first or last value a customer showed: the channel of the first visit, the last browser, the last branch.

Of several values at the same instant the largest counts for `last` and the smallest for `first`, so that the answer
does not depend on the order of rows. The instant and the place of the value in the sorted list are one whole number,
and its maximum is exact: µs since 1970 need 51 bits, the place 12.
"""

from __future__ import annotations

from sqlglot import exp

from limner.core.ours import Tag
from limner.flow.tags.base import Cell, Ground, Scan, kind
from limner.flow.tags.options import choice, known_only, name
from limner.flow.tags.relations import find
from limner.flow.tags.statistic import conditions, filtered, given
from limner.flow.tags.values import code_of, text_of, values_of

MOST = 256
_ROOM = 4096


@kind("first_last")
def first_last(tag: Tag, ground: Ground, place: str) -> Scan:
    """Options: `value`, an expression of a row (default via); `pick`, first or last."""
    known_only(tag, ("value", "pick"), place)
    relation = find(ground.relations, tag.over, place)
    value = text_of(tag, name(tag, "value", place, "via"), relation, place)
    found = conditions(tag, ground, relation, place)
    words = values_of(value, ground, relation, found, MOST, place)
    instant = exp.func("epoch_us", exp.column(relation.moment), dialect="duckdb")
    packed = exp.paren(instant * exp.Literal.number(_ROOM) + code_of(value, words))
    pick = exp.Max if choice(tag, "pick", ("first", "last"), place, "last") == "last" else exp.Min
    best = given(filtered(pick(this=packed), found), ground)
    cell = Cell(tag.id, "text", best % exp.Literal.number(_ROOM), tag.unit, tag.otherwise, words)
    return Scan(tag.over, (cell,))
