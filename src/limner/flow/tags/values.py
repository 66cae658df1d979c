"""The values a column takes, asked before the scan, so that text is counted as small whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from limner.core.errors import BadDefinition, words
from limner.core.ours import Tag
from limner.core.spans import need_zone
from limner.flow.tags.base import Ground
from limner.flow.tags.relations import Relation
from limner.store.lake.checked import checked
from limner.store.lake.sql import literal

TOO_MANY = words("tag_values_many", "{place}: `{value}` has {found} values, this kind tells at most {most} apart.")


def text_of(tag: Tag, value: str, relation: Relation, place: str) -> exp.Expr:
    """The checked expression of a value of a row, as text."""
    tables = {relation.name: relation.columns}
    tree = checked(value, tables=tables, what=f"tag {tag.id}", place=place)
    return exp.cast(tree, exp.DataType.Type.TEXT)


def values_of(
    value: exp.Expr, ground: Ground, relation: Relation, found: Sequence[exp.Expr], most: int, place: str
) -> tuple[str, ...]:
    """The values rows may take, sorted; BadDefinition when those that count have more than `most`.

    An expression of the lake's own columns is asked of the table itself: that gives a few values more than rows that
    count have, and costs one column instead of the relation.
    """
    if all(column.name in relation.plain for column in value.find_all(exp.Column)):
        before = exp.column("happened_at") < literal(need_zone(ground.asof), "timestamp")
        words_ = _asked(value, ground, exp.to_table(relation.like), [before], most)
        if len(words_) <= most:
            return words_
    words_ = _asked(value, ground, ground.rows(relation.name).subquery(relation.name), found, most)
    if len(words_) > most:
        raise BadDefinition(TOO_MANY, place=place, value=value.sql("duckdb"), found=f"more than {most}", most=most)
    return words_


def _asked(value: exp.Expr, ground: Ground, rows: exp.Expr, found: Sequence[exp.Expr], most: int) -> tuple[str, ...]:
    is_known = exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))
    query = (
        exp.select(value.copy().as_("value"), copy=False)
        .from_(rows)
        .where(*[condition.copy() for condition in found], is_known)
        .distinct()
        .limit(most + 1)
    )
    return tuple(sorted(ground.ask(query)["value"].to_pylist()))


def code_of(value: exp.Expr, words_: Sequence[str]) -> exp.Expr:
    """The place of a value in the sorted list, from 0; unknown when it is not in it."""
    if not words_:
        return exp.null()
    case = exp.Case(this=value.copy())
    for code, word in enumerate(words_):
        case = case.when(exp.Literal.string(word), exp.Literal.number(code))
    return case
