"""What stands behind the answer of one customer: the rows a tag counted, and how much each weighs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from limner.core.ours import Tag
from limner.flow.tags.axes import axes_of
from limner.flow.tags.base import Asked, Ground, Part
from limner.flow.tags.family import cuts
from limner.flow.tags.interest import POINTS, points_of
from limner.flow.tags.interest_tree import KEY, acts_of
from limner.flow.tags.options import number as whole
from limner.flow.tags.options import weights
from limner.flow.tags.relations import Relation, find
from limner.flow.tags.statistic import AGGREGATES, aggregate, conditions, given
from limner.flow.tags.taxonomies import find as find_tree
from limner.flow.tags.values import text_of
from limner.store.lake.checked import checked, lineage

if TYPE_CHECKING:
    import pyarrow as pa

Ask = Callable[[exp.Query], "pa.Table"]
USUAL: Final = ("name", "order_id", "item_id", "category", "top_category", "amount", "quantity")
"""Columns that say what a row is, where the relation has them."""
OF_LOAD: Final = ("source", "load")
_HIDDEN: Final = frozenset({"number", "trace", "seq", "day", "hour", "happened_at", "is_history"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows that count for one customer, newest or heaviest first: at most as many as were asked for, of `total`."""

    total: int
    rows: tuple[Mapping[str, Any], ...] = ()


NOTHING: Final = Evidence(0)


def evidence(tag: Tag, part: Part, ground: Ground, column: str, number: int, *, ask: Ask, limit: int) -> Evidence:
    """What one customer did that the answer in a column rests on; nothing for a tag that reads other answers only."""
    match tag.kind:
        case "statistic" | "first_last" | "favourite":
            return _counted(tag, ground, number, ask, limit)
        case "family":
            return _counted(tag, ground, number, ask, limit, _member(tag, ground, column))
        case "interest":
            return _weighed(tag, ground, column, number, ask, limit)
        case "interest_tree" if isinstance(part, Asked):
            return _led(tag, part, ground, column, number, ask, limit)
        case "decision_stage":
            days = whole(tag, "days", tag.id, 30, 1, 365)
            since = exp.column("day") >= exp.Literal.number(ground.asof_day - days)
            return _rows(find(ground.relations, "events", tag.id), ground, [since], ("via",), number, ask, limit)
        case "purchasing_power":
            since = exp.column("day") >= exp.Literal.number(ground.asof_day - whole(tag, "days", tag.id, 365, 1, 3650))
            bought, more = [exp.column("is_order"), since], ("price",)
            return _rows(find(ground.relations, "lines", tag.id), ground, bought, more, number, ask, limit)
    return NOTHING


def happened(ground: Ground, event: str, number: int, *, ask: Ask, limit: int) -> Evidence:
    """How often a customer did something before the asof, the newest first."""
    is_it = exp.column("name").eq(exp.Literal.string(event))
    return _rows(find(ground.relations, "events", "events"), ground, [is_it], (), number, ask, limit)


def _member(tag: Tag, ground: Ground, column: str) -> list[exp.Expr]:
    """What a row must fulfil to count for the member of a family that a column holds."""
    relation, axes = find(ground.relations, tag.over, tag.id), axes_of(tag, tag.id)
    keys = column.removeprefix(f"{tag.id}.").split(".", len(axes) - 1)
    found = cuts(tag, ground, relation, [axis.step(key) for axis, key in zip(axes, keys, strict=True)], tag.id)
    if axes[-1].sort == "each":
        value = text_of(tag, axes[-1].value, relation, tag.id)
        found.append(value.eq(exp.Literal.string(keys[-1])))
    return found


def _counted(tag: Tag, ground: Ground, number: int, ask: Ask, limit: int, more: Sequence[exp.Expr] = ()) -> Evidence:
    """The rows that pass the tag's conditions (and `more`), and the filter of one of its aggregates."""
    relation = find(ground.relations, tag.over, tag.id)
    found = [*conditions(tag, ground, relation, tag.id), *more]
    if tag.kind in ("statistic", "family"):
        tree = aggregate(tag, relation, tag.id)
        inner = [node for node in tree.find_all(*AGGREGATES) if node.find_ancestor(*AGGREGATES) is None]
        filters = [node.parent.expression.this.copy() for node in inner if isinstance(node.parent, exp.Filter)]
        if inner and len(filters) == len(inner):
            found = [*found, exp.or_(*filters)]
    else:
        value = str(tag.options.get("value", "via"))
        tree = checked(value, tables={relation.name: relation.columns}, what=f"tag {tag.id}", place=tag.id)
    trees = [tree, *found]
    read = tuple(dict.fromkeys(name for one in trees for name in lineage(one)))
    return _rows(relation, ground, found, read, number, ask, limit)


def _rows(
    relation: Relation,
    ground: Ground,
    found: Sequence[exp.Expr],
    more: Sequence[str],
    number: int,
    ask: Ask,
    limit: int,
) -> Evidence:
    names = [name for name in (*USUAL, *more, *OF_LOAD) if name in relation.columns and name not in _HIDDEN]
    moment = [relation.moment] if relation.moment else []
    where = [given(one.copy(), ground) for one in found]
    rows = exp.select().from_(ground.rows(relation.name).subquery(relation.name)).where(_is(number), *where)
    total = ask(rows.copy().select(exp.Count(this=exp.Star()).as_("total")))["total"][0].as_py()
    shown = rows.select(*(exp.column(name) for name in dict.fromkeys([*moment, *names])))
    order = moment or [names[0]]
    shown = shown.order_by(*(exp.Ordered(this=exp.column(name), desc=True) for name in order)).limit(limit)
    return Evidence(int(total), tuple(_plain(row) for row in ask(shown).to_pylist()) if total else ())


def _weighed(tag: Tag, ground: Ground, column: str, number: int, ask: Ask, limit: int) -> Evidence:
    """The acts that make the weight of one category, the heaviest first; of all categories for the heaviest one."""
    over = "item_events" if tag.over == "events" else tag.over
    relation = find(ground.relations, over, tag.id)
    points = weights(tag, "points", tag.id, POINTS)
    category = column.removeprefix(f"{tag.id}.") if column != f"top_{tag.id}" else ""
    top = exp.column("top_category")
    where = [given(one, ground) for one in conditions(tag, ground, relation, tag.id)]
    where += [top.eq(exp.Literal.string(category)) if category else top > exp.Literal.string("")]
    half_life = tag.half_life.days if tag.half_life else 30
    query = (
        exp.select("happened_at", "name", "item_id", "top_category", "day", points_of(points).as_("points"))
        .from_(ground.rows(over).subquery(over))
        .where(_is(number), exp.column("name").isin(*(exp.Literal.string(name) for name in points)), *where)
    )
    found = [
        {**_plain(row), "points": int(row["points"]), "weight": aged(row, ground.asof_day, half_life)}
        for row in ask(query).to_pylist()
    ]
    return _heaviest(found, limit)


def _led(tag: Tag, part: Asked, ground: Ground, column: str, number: int, ask: Ask, limit: int) -> Evidence:
    """The acts that led to a node or below it, the heaviest first."""
    tree = find_tree(ground.trees, str(tag.options.get("taxonomy", "default")))
    path = column.removeprefix(f"{tag.id}.").removeprefix("p." if column.startswith(f"{tag.id}.p.") else "")
    node = next((node for node in tree.nodes if node.path == path), None)
    if node is None:
        return NOTHING
    codes = {tuple(row[k] for k in KEY): row["code"] for row in part.steps["leading"].rows.to_pylist()}
    query, points, halves = acts_of(tag, ground, tag.id)
    acts = exp.select("name", "day", *KEY).from_(query.subquery("acts")).where(_is(number))
    found = []
    for row in ask(acts).to_pylist():
        code = codes.get(tuple(row[k] for k in KEY), -1)
        if node.code <= code < node.end:
            row["points"] = points[row["name"]]
            told: dict[str, Any] = {name: row[name] for name in ("name", *KEY) if row[name]}
            weight = aged(row, ground.asof_day, halves[code])
            found.append(
                {"day": row["day"], **told, "to": tree.nodes[code].path, "points": row["points"], "weight": weight}
            )
    return _heaviest(found, limit)


def aged(row: Mapping[str, Any], asof_day: int, half_life: int) -> float:
    """What is left of a row's points at the asof.

    >>> aged({"points": 8, "day": 70}, 100, 30)
    4.0
    """
    points, age = float(row["points"]), asof_day - int(row["day"])
    return float(points * 2.0 ** (-age / half_life))


def _heaviest(found: list[dict[str, Any]], limit: int) -> Evidence:
    found.sort(key=lambda row: (-row["weight"], -row.pop("day", 0)))
    return Evidence(len(found), tuple(found[:limit]))


def _is(number: int) -> exp.Expr:
    return exp.column("number").eq(exp.Literal.number(number))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what nothing is known of."""
    return {name: value for name, value in row.items() if value is not None}
