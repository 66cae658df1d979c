"""Statistic tags: an aggregate in SQL over one relation, cut by a window and by a condition on rows."""

from __future__ import annotations

from sqlglot import exp

from limner.core.errors import BadDefinition, words
from limner.core.ours import Tag
from limner.core.spans import need_zone
from limner.flow.tags.base import NEEDED, Cell, Ground, Scan, kind
from limner.flow.tags.relations import Relation, find
from limner.store.lake.checked import checked
from limner.store.lake.sql import literal

NO_AGGREGATE = words(
    "tag_not_aggregate",
    "{place}: the tag {tag!r} reads `{column}` outside an aggregate. Say which of its values: max, sum, count …",
)
NO_WINDOW = words("tag_window_impossible", "{place}: {over} has no moment, so `within` has nothing to cut.")

PLACEHOLDERS = ("asof", "asof_day")
"""What a tag's SQL may use: the asof as an instant, and its local day as a whole number."""

AGGREGATES = (exp.AggFunc, exp.CountIf)


@kind("statistic")
def statistic(tag: Tag, ground: Ground, place: str) -> Scan:
    """One aggregate per customer; `matching` and `within` become a filter of every aggregate in it."""
    if not tag.sql.strip():
        raise BadDefinition(NEEDED, place=place, kind="statistic", field="sql")
    relation = find(ground.relations, tag.over, place)
    tree = filtered(aggregate(tag, relation, place), conditions(tag, ground, relation, place))
    cell = Cell(tag.id, tag.type, given(tree, ground), tag.unit, tag.otherwise)
    return Scan(tag.over, (cell,))


def aggregate(tag: Tag, relation: Relation, place: str) -> exp.Expr:
    """The tag's SQL as a checked tree, every column inside an aggregate."""
    tree = condition(tag.sql, tag, relation, place)
    for column in tree.find_all(exp.Column):
        if column.find_ancestor(*AGGREGATES, exp.Filter) is None:
            raise BadDefinition(NO_AGGREGATE, place=place, tag=tag.id, column=column.name)
    return tree


def conditions(tag: Tag, ground: Ground, relation: Relation, place: str) -> list[exp.Expr]:
    """What a row must fulfil to count: `matching`, and the window."""
    found = [condition(tag.matching, tag, relation, place)] if tag.matching.strip() else []
    if tag.within is not None:
        if not relation.moment:
            raise BadDefinition(NO_WINDOW, place=place, over=relation.name)
        found.append(ground.since(relation, tag.within))
    return found


def filtered(tree: exp.Expr, found: list[exp.Expr]) -> exp.Expr:
    """The tree with conditions added to the filter of every aggregate.

    >>> from sqlglot import parse_one
    >>> tree = parse_one("sum(a) / count(*) filter (where b)", read="duckdb")
    >>> filtered(tree, [parse_one("c > 1")]).sql("duckdb")
    'SUM(a) FILTER(WHERE c > 1) / COUNT(*) FILTER(WHERE c > 1 AND b)'
    """
    if not found:
        return tree

    for node in [n for n in tree.walk() if isinstance(n, AGGREGATES) and n.find_ancestor(*AGGREGATES) is None]:
        if isinstance(node.parent, exp.Filter):
            old = node.parent.expression.this
            node.parent.set("expression", exp.Where(this=exp.and_(*found, old)))
            continue
        instead = exp.Filter(this=node.copy(), expression=exp.Where(this=exp.and_(*found)))
        if node is tree:
            return instead
        node.replace(instead)
    return tree


def given(tree: exp.Expr, ground: Ground) -> exp.Expr:
    """The tree with `:asof` and `:asof_day` put in as typed literals."""

    def put(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Placeholder):
            return node
        return literal(need_zone(ground.asof), "timestamp") if node.name == "asof" else literal(ground.asof_day, "int")

    return tree.transform(put)


def condition(text: str, tag: Tag, relation: Relation, place: str) -> exp.Expr:
    """An expression over the rows of a relation as a checked tree."""
    tables = {relation.name: relation.columns}
    return checked(text, tables=tables, what=f"tag {tag.id}", place=place, given=PLACEHOLDERS)
