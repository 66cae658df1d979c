"""Families: one row of a pack that stands for many tags, such as spend by window and category.

The members share one aggregate. Those cut by windows and cases alone join the one scan over their relation. Those with
an axis of values are grouped by customer and value in a pass of their own, in which windows and cases are filters: the
cost does not grow with the number of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from limner.core.errors import BadDefinition
from limner.core.ours import Tag
from limner.flow.tags.axes import MOST, Axis, Step, axes_of, column_of, members_of
from limner.flow.tags.base import NEEDED, Asked, Cell, Ground, Members, Part, Scan, kind
from limner.flow.tags.compose import stored
from limner.flow.tags.relations import Relation, find
from limner.flow.tags.statistic import NO_WINDOW, aggregate, condition, conditions, filtered, given
from limner.flow.tags.values import text_of, values_of

VALUE = "value"
"""The column of a member's value in the answer of a family."""


@kind("family")
def family(tag: Tag, ground: Ground, place: str) -> Part:
    """One column per member, named TAG.KEY.KEY…; see `axes` for the options."""
    if not tag.sql.strip():
        raise BadDefinition(NEEDED, place=place, kind="family", field="sql")
    relation = find(ground.relations, tag.over, place)
    axes = axes_of(tag, place)
    if axes[-1].sort != "each":
        members = members_of(tag, axes, (), place)
        return Scan(tag.over, tuple(_cell(tag, ground, relation, member, place) for member in members))
    return _grouped(tag, ground, relation, axes, place)


def _cell(tag: Tag, ground: Ground, relation: Relation, member: Sequence[Step], place: str) -> Cell:
    """The column of a member cut by windows and cases, with its aggregate."""
    found = conditions(tag, ground, relation, place) + cuts(tag, ground, relation, member, place)
    value = given(filtered(aggregate(tag, relation, place), found), ground)
    return Cell(column_of(tag, member), tag.type, value, tag.unit, tag.otherwise)


def cuts(tag: Tag, ground: Ground, relation: Relation, member: Sequence[Step], place: str) -> list[exp.Expr]:
    """What a row must fulfil to count for a member, beside the family's own conditions."""
    found = [condition(step.matching, tag, relation, place) for step in member if step.matching]
    for step in member:
        if step.within is not None:
            if not relation.moment:
                raise BadDefinition(NO_WINDOW, place=place, over=relation.name)
            found.append(ground.since(relation, step.within))
    return found


def _grouped(tag: Tag, ground: Ground, relation: Relation, axes: Sequence[Axis], place: str) -> Asked:
    """A row per customer and value, a column per member of the other axes, ordered by value and customer."""
    *others, each = axes
    value = text_of(tag, each.value, relation, place)
    found = conditions(tag, ground, relation, place)
    named = [step.key for step in each.steps]
    if named:
        found.append(value.copy().isin(*(exp.Literal.string(text) for text in named)))
    else:
        found.append(exp.NEQ(this=value.copy(), expression=exp.Literal.string("")))
        named = list(values_of(value, ground, relation, [given(c, ground) for c in found], MOST, place))
        named = sorted({*(text for text in named if text), *ground.promised.get(tag.id, ())})
    cells: dict[str, list[Cell]] = {text: [] for text in named}
    for *steps, last in members_of(tag, axes, named, place):
        cells[last.key].append(Cell(column_of(tag, [*steps, last]), tag.type, None, tag.unit, tag.otherwise))
    query = (
        exp.select("number", value.copy().as_(VALUE))
        .from_(ground.rows(relation.name).subquery(relation.name))
        .where(*(given(one, ground) for one in found))
        .group_by("1", "2")
        .order_by("2", "1")
    )
    for cut in members_of(tag, others, (), place):
        tree = filtered(aggregate(tag, relation, place), cuts(tag, ground, relation, cut, place))
        cell = Cell(".".join(step.key for step in cut) or tag.id, tag.type, given(tree, ground))
        query = query.select(stored(cell).as_(cell.column, quoted=True), copy=False)
    return Asked(query, tuple(cell for own in cells.values() for cell in own), members=_members(cells))


def _members(cells: Mapping[str, Sequence[Cell]]) -> Members:
    return Members({text: tuple(own) for text, own in cells.items()})
