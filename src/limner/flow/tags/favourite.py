"""The value a customer shows most often: the hour they are active, the channel they buy through, the category.

Of several equally frequent values the smallest counts; hours and other numbers are told in order of their number.
"""

from __future__ import annotations

from sqlglot import exp

from limner.core.ours import Tag
from limner.flow.tags.base import Asked, Cell, Ground, kind
from limner.flow.tags.options import known_only, name
from limner.flow.tags.relations import find
from limner.flow.tags.statistic import conditions, given
from limner.flow.tags.values import code_of, text_of, values_of
from limner.store.lake.checked import checked

MOST = 2048
_ROOM = 4096


@kind("favourite")
def favourite(tag: Tag, ground: Ground, place: str) -> Asked:
    """Options: `value`, an expression of a row. A tag of type int answers the number itself, from 0 to 4,095."""
    known_only(tag, ("value",), place)
    relation = find(ground.relations, tag.over, place)
    text = name(tag, "value", place)
    found = conditions(tag, ground, relation, place)
    words: tuple[str, ...] = ()
    if tag.type == "int":
        tables = {relation.name: relation.columns}
        code = checked(text, tables=tables, what=f"tag {tag.id}", place=place)
    else:
        value = text_of(tag, text, relation, place)
        words = values_of(value, ground, relation, found, MOST, place)
        code = code_of(value, words)
    inner = (
        exp.select("number", given(code, ground).as_("code"), exp.Count(this=exp.Star()).as_("times"))
        .from_(ground.rows(relation.name).subquery(relation.name))
        .where(*(given(condition, ground) for condition in found))
        .group_by("1", "2")
    )
    most = exp.Literal.number(_ROOM - 1)
    packed = exp.column("times") * exp.Literal.number(_ROOM) + exp.paren(most - exp.column("code"))
    best = exp.paren(most.copy() - exp.paren(exp.Max(this=packed) % exp.Literal.number(_ROOM)))
    query = (
        exp.select("number", best.as_(tag.id, quoted=True))
        .from_(inner.subquery("counted"))
        .where(exp.Not(this=exp.Is(this=exp.column("code"), expression=exp.null())))
        .group_by("number")
    )
    return Asked(query, (Cell(tag.id, tag.type, None, tag.unit, tag.otherwise, words),))
