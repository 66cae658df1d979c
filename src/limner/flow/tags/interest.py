"""Interest: how much a customer cares for each category, fading by half-life.

A behaviour weighs its points × 2^(−age / half-life). Forward decay (Cormode et al., ICDE 2009): the weight is kept
against a landmark, the first day of its quarter, as a whole number of 2^-32, so yesterday's sums need no rewrite and do
not depend on the order of rows; only the factor from landmark to asof changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.core.errors import BadDefinition
from limner.core.exact import WEIGHT_UNIT
from limner.core.ours import Tag
from limner.core.spans import EPOCH
from limner.flow.tags.base import BAD_OPTION, Asked, Cell, Ground, Step, kind
from limner.flow.tags.options import known_only, number, weights
from limner.flow.tags.relations import find
from limner.flow.tags.statistic import conditions, given
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    import pyarrow as pa

POINTS = {"Product Viewed": 1, "Product Favorited": 3, "Product Added": 4, "Order Completed": 8}
"""Points of each behaviour when the tag names none."""

YEARS = 10
"""How far back behaviour counts; at the longest half-life what is older weighs nothing that could be seen."""

QUARTER_MOST = 92
STEP = 64


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter: its number, its first day, and what is left of a weight from then to the asof."""

    index: int
    landmark: int
    factor: float


@kind("interest")
def interest(tag: Tag, ground: Ground, place: str) -> Asked:
    """Columns ID.<category> (weight) for the `most` frequent first-level categories, and top_ID (the heaviest one).

    Options: `points` by event name, `most` categories (default 30). `half_life` is at least a week.
    """
    known_only(tag, ("points", "most"), place)
    half_life = (tag.half_life or timedelta(days=30)).days
    if not 7 <= half_life <= 365:
        raise BadDefinition(BAD_OPTION, place=place, option="half_life", value=half_life, bound="7d to 365d")
    points = weights(tag, "points", place, POINTS)
    over = "item_events" if tag.over == "events" else tag.over
    relation = find(ground.relations, over, place)
    found = [given(condition, ground) for condition in conditions(tag, ground, relation, place)]
    most = number(tag, "most", place, 30, 1, 200)
    rows = (
        exp.select("number", "top_category", "day", points_of(points).as_("points"))
        .from_(ground.rows(over).subquery(over))
        .where(_named(tuple(points)), exp.column("top_category") > exp.Literal.string(""), *found)
    )
    totals = _totals(rows, quarters_of(ground, half_life), half_life)
    answered = ground.ask(totals)
    categories = _most_frequent(answered, most)
    more = tuple(sorted(set(ground.promised.get(tag.id, ())) - set(categories)))
    return Asked(_wide(tag, categories, more), _cells(tag, categories, more), steps={"totals": Step(totals, answered)})


def _totals(rows: exp.Query, quarters: list[Quarter], half_life: int) -> exp.Query:
    """One row per customer and category: its weight, and how many rows speak of it."""
    first, last = quarters[0].landmark, quarters[-1].landmark + QUARTER_MOST
    return statement(
        __package__ or "",
        "interest.sql",
        rows=rows,
        quarters=written([(q.index, q.landmark, q.factor) for q in quarters], ["quarter", "landmark", "factor"]),
        blocks=written([(n,) for n in range((last - first) // STEP + 1)], ["n"]),
        steps=written([(n,) for n in range(STEP)], ["n"]),
        first=first,
        half_life=half_life,
    )


def _most_frequent(totals: pa.Table, most: int) -> tuple[str, ...]:
    """The categories most rows speak of, sorted by name; of equally frequent ones the smaller name goes first."""
    found = totals.group_by("top_category").aggregate([("times", "sum")]).to_pylist()
    ordered = sorted(found, key=lambda row: (-row["times_sum"], row["top_category"]))
    return tuple(sorted(row["top_category"] for row in ordered[:most]))


def _named(events: tuple[str, ...]) -> exp.Expr:
    return exp.column("name").isin(*(exp.Literal.string(event) for event in events))


def points_of(points: Mapping[str, int]) -> exp.Expr:
    case = exp.Case(this=exp.column("name"))
    for event, weight in points.items():
        case = case.when(exp.Literal.string(event), exp.Literal.number(weight))
    return case


def quarters_of(ground: Ground, half_life: int) -> list[Quarter]:
    """The quarters that count, the oldest first."""
    today = EPOCH + timedelta(days=ground.asof_day)
    found = []
    for index in range((today.year - YEARS) * 4, today.year * 4 + (today.month - 1) // 3 + 1):
        landmark = (date(index // 4, index % 4 * 3 + 1, 1) - EPOCH).days
        found.append(Quarter(index, landmark, 2.0 ** (-(ground.asof_day - landmark) / half_life)))
    return found


def written(rows: Sequence[tuple[float, ...]], columns: list[str]) -> exp.Query:
    """A small table of numbers, written out."""
    literals = [tuple(exp.Literal.number(v if isinstance(v, int) else format(v, ".17e")) for v in row) for row in rows]
    return exp.select(*columns).from_(exp.values(literals, alias="v", columns=columns))


def _wide(tag: Tag, categories: tuple[str, ...], more: tuple[str, ...]) -> exp.Query:
    """A column for each category, and the heaviest of those that are not `more`."""
    weight = exp.column("weight")
    every = (*categories, *more)
    query = exp.select("number").from_("totals").group_by("number")
    query = query.where(_among(every))
    case = exp.Case(this=exp.column("top_category"))
    for place, category in enumerate(categories):
        case = case.when(exp.Literal.string(category), exp.Literal.number(place))
    for category in every:
        is_it = exp.column("top_category").eq(exp.Literal.string(category))
        total = exp.Filter(this=exp.Sum(this=weight.copy()), expression=exp.Where(this=is_it))
        share = exp.cast(total, exp.DataType.Type.DOUBLE) / exp.Literal.number(WEIGHT_UNIT)
        query = query.select(share.as_(f"{tag.id}.{category}", quoted=True), copy=False)
    if not categories:
        return query.select(exp.null().as_(f"top_{tag.id}", quoted=True))
    room = exp.Literal.number(256)
    packed = exp.paren(weight.copy() * room + exp.paren(exp.Literal.number(255) - case))
    heaviest: exp.Expr = exp.Max(this=packed)
    if more:
        heaviest = exp.Filter(this=heaviest, expression=exp.Where(this=_among(categories)))
    best = exp.Literal.number(255) - exp.paren(heaviest % room.copy())
    return query.select(best.as_(f"top_{tag.id}", quoted=True))


def _among(categories: Sequence[str]) -> exp.Expr:
    return exp.column("top_category").isin(*(exp.Literal.string(c) for c in categories)) if categories else exp.false()


def _cells(tag: Tag, categories: tuple[str, ...], more: tuple[str, ...]) -> tuple[Cell, ...]:
    every = (*categories, *more)
    columns = tuple(Cell(f"{tag.id}.{category}", "float", None, tag.unit, tag.otherwise) for category in every)
    return (*columns, Cell(f"top_{tag.id}", "text", words=categories))
