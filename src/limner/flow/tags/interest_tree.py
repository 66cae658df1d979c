"""Interest over a taxonomy: an index for every node of a tree of up to four levels, fading by half-life.

What happened to items and categories, and words that were searched for or read, lead to nodes by the taxonomy's signs.
A node's index is the sum of the indexes below it and of what led to the node itself. Forward decay (Cormode et al.,
ICDE 2009) against the first day of the next quarter: sums are whole numbers that no row's order changes, and what came
in since is added to those of an earlier asof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from limner.core.errors import BadDefinition, near
from limner.core.exact import WEIGHT_UNIT
from limner.core.ids import version
from limner.core.ours import Tag
from limner.core.spans import EPOCH
from limner.flow.tags.base import BAD_OPTION, Asked, Cell, Grid, Ground, Later, Step, kind
from limner.flow.tags.interest import POINTS, STEP, YEARS, points_of, written
from limner.flow.tags.options import known_only, name, weights
from limner.flow.tags.relations import find as find_relation
from limner.flow.tags.taxonomies import USUAL_HALF_LIFE, Tree, find
from limner.flow.tags.taxonomies.signs import signs_of
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    import pyarrow as pa

TEXT_POINTS = {**POINTS, "Page Viewed": 1, "Product Searched": 2}
"""Points of each behaviour when the tag reads texts and names none."""

VERSION = 1
"""Rises when sums are made in another way: those kept before are left."""

UNIT = 1 << 36
"""Kept sums are whole numbers of 2^-36: at the shortest half-life an act of a quarter's first day still has 22 bits."""

KEY = ("item_id", "category", "said")


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a tag found: rows and points that led to nodes, of how many, and what led nowhere, the heaviest first."""

    rows: int
    points: int
    led_rows: int
    led_points: int
    nowhere: tuple[tuple[str, str, str, int, int], ...]


@kind("interest_tree")
def interest_tree(tag: Tag, ground: Ground, place: str) -> Asked:
    """Columns ID.<path of the node>, for every node of the taxonomy.

    Options: `taxonomy` (default: the one that comes with the product), `points` by event name, `texts` (event columns
    to look for words in), `rarity: true`, `preference: true` (columns ID.p.<branch> too). A node's half-life goes
    before the tag's `half_life`, 7 to 365 days.
    """
    known_only(tag, ("taxonomy", "points", "texts", "rarity", "preference"), place)
    tree = find(ground.trees, name(tag, "taxonomy", place, "default"))
    halves = _halves(tag, tree, place)
    is_rare, has_preference = (_flag(tag, option, place) for option in ("rarity", "preference"))
    subjects = _subjects(tag, ground, place)
    landmark = _landmark(ground.asof_day)
    rows = (
        exp.select("r.number", "l.code", "l.half", "r.day", points_of(_weights(tag, place)).as_("points"))
        .from_(_acts(tag, ground, place).subquery("r"))
        .join(
            exp.to_table("leading").as_("l"),
            on=exp.and_(*(exp.column(key, "l").eq(exp.column(key, "r")) for key in KEY)),
        )
    )

    def step() -> Step:
        leading = _leading(ground.ask(subjects), tree, halves)
        return Step(_written(leading), leading)

    cells = tuple(Cell(f"{tag.id}.{node.path}", "float", None, tag.unit, 0) for node in tree.nodes)
    if has_preference:
        branches = [node for node in tree.nodes if node.level == 1]
        cells += tuple(Cell(f"{tag.id}.p.{node.path}", "float") for node in branches)
    known_halves = sorted(set(halves.values()))
    sums = _sums(rows, known_halves, landmark)
    factors = {half: 2.0 ** ((landmark - ground.asof_day) / half) * WEIGHT_UNIT / UNIT for half in known_halves}
    made = [VERSION, tree.mark, list(halves.values()), dict(_weights(tag, place)), list(_texts(tag, ground, place))]
    grid = Grid(
        tree,
        is_rare,
        has_preference,
        mark=version(made),
        landmark=landmark,
        factors=tuple(factors[halves[node.code]] for node in tree.nodes),
        subjects=subjects,
        lead=lambda found: _leading(found, tree, halves),
        sums=sums,
    )
    return Asked(_aged(sums, factors), cells, steps={"leading": Later(step)}, grid=grid)


def _landmark(asof_day: int) -> int:
    """The first day of the quarter after an asof."""
    today = EPOCH + timedelta(days=asof_day)
    quarter = today.year * 4 + (today.month - 1) // 3 + 1
    return (date(quarter // 4, quarter % 4 * 3 + 1, 1) - EPOCH).days


def _flag(tag: Tag, option: str, place: str) -> bool:
    value = tag.options.get(option, False)
    if not isinstance(value, bool):
        raise BadDefinition(BAD_OPTION, place=place, option=option, value=value, bound="true or false")
    return value


def gaps(tag: Tag, ground: Ground, place: str, most: int = 20) -> Gaps:
    """How much of what happened leads to nodes of the tag's taxonomy, and the heaviest of what leads nowhere."""
    tree = find(ground.trees, name(tag, "taxonomy", place, "default"))
    signs = signs_of(tree)
    found = ground.ask(_subjects(tag, ground, place)).to_pylist()
    nowhere = [row for row in found if signs(*(row[key] for key in KEY)) is None]
    nowhere.sort(key=lambda row: (-row["points"], *(row[key] for key in KEY)))
    rows, points = (sum(int(row[part]) for row in found) for part in ("times", "points"))
    lost_rows, lost_points = (sum(int(row[part]) for row in nowhere) for part in ("times", "points"))
    told = tuple((*(row[key] for key in KEY), int(row["times"]), int(row["points"])) for row in nowhere[:most])
    return Gaps(rows, points, rows - lost_rows, points - lost_points, told)


def _halves(tag: Tag, tree: Tree, place: str) -> Mapping[int, int]:
    """The half-life of each node in days."""
    usual = tag.half_life or USUAL_HALF_LIFE
    found = {node.code: (node.half_life or usual).days for node in tree.nodes}
    for days in set(found.values()):
        if not 7 <= days <= 365:
            raise BadDefinition(BAD_OPTION, place=place, option="half_life", value=days, bound="7d to 365d")
    return found


def _weights(tag: Tag, place: str) -> Mapping[str, int]:
    return weights(tag, "points", place, TEXT_POINTS if tag.options.get("texts") else POINTS)


def _acts(tag: Tag, ground: Ground, place: str) -> exp.Query:
    """What counts: customer, event, day, and what it was about; texts of events that name no item and no category."""
    counts = exp.column("name").isin(*(exp.Literal.string(event) for event in _weights(tag, place)))
    empty = exp.Literal.string("")
    about = [exp.func("coalesce", exp.column(key), empty).as_(key) for key in KEY[:2]]
    query: exp.Query = (
        exp.select("number", "name", "day", *about, empty.as_("said"))
        .from_(ground.rows("item_events").subquery("item_events"))
        .where(counts)
    )
    for column in _texts(tag, ground, place):
        said = (
            exp.select(
                "number", "name", "day", empty.as_("item_id"), empty.as_("category"), exp.column(column).as_("said")
            )
            .from_(ground.rows("events").subquery("events"))
            .where(counts.copy(), exp.column(column) > empty, *(exp.column(k).is_(exp.null()) for k in KEY[:2]))
        )
        query = exp.union(query, said, distinct=False)
    return query


def _texts(tag: Tag, ground: Ground, place: str) -> Sequence[str]:
    """The columns of events to look for words in."""
    found = tag.options.get("texts", [])
    known = {c for c, t in find_relation(ground.relations, "events", place).columns.items() if t == "text"}
    listed = found if isinstance(found, list | tuple) else [found]
    for column in listed:
        if column not in known:
            bound = "text columns of events, such as p_query"
            meant = near(str(column), known)
            raise BadDefinition(BAD_OPTION, near=meant, place=place, option="texts", value=column, bound=bound)
    return [str(column) for column in listed]


def _subjects(tag: Tag, ground: Ground, place: str) -> exp.Query:
    """Everything acts were about, with how many and how many points."""
    points = exp.Sum(this=points_of(_weights(tag, place)))
    return (
        exp.select(*KEY, exp.Count(this=exp.Star()).as_("times"), exp.cast(points, "bigint").as_("points"))
        .from_(_acts(tag, ground, place).subquery("acts"))
        .group_by(*KEY)
    )


def _leading(subjects: pa.Table, tree: Tree, halves: Mapping[int, int]) -> pa.Table:
    """The node of everything that leads to one, and its half-life."""
    import pyarrow as pa

    signs = signs_of(tree)
    found = [(row, signs(*(row[key] for key in KEY))) for row in subjects.select(list(KEY)).to_pylist()]
    led = [(row, code) for row, code in found if code is not None]
    columns = {key: pa.array([row[key] for row, _ in led], pa.string()) for key in KEY}
    codes = {"code": pa.array([code for _, code in led], pa.int32())}
    return pa.table({**columns, **codes, "half": pa.array([halves[code] for _, code in led], pa.int32())})


def _written(leading: pa.Table) -> exp.Query:
    """The same table, written out, for engines it is not handed to."""
    columns = [*KEY, "code", "half"]
    rows = [tuple(exp.convert(row[name]) for name in columns) for row in leading.to_pylist()]
    if rows:
        return exp.select(*columns).from_(exp.values(rows, alias="v", columns=columns))
    empty = [*(exp.Literal.string("").as_(key) for key in KEY), *(exp.Literal.number(1).as_(c) for c in columns[3:])]
    return exp.select(*empty).where(exp.false())


def _sums(rows: exp.Query, halves: Sequence[int], landmark: int) -> exp.Query:
    first = (date((EPOCH + timedelta(days=landmark - 1)).year - YEARS, 1, 1) - EPOCH).days
    return statement(
        __package__ or "",
        "interest_tree.sql",
        rows=rows,
        halves=written([(half,) for half in halves], ["half"]),
        blocks=written([(n,) for n in range((landmark - first) // STEP + 1)], ["n"]),
        steps=written([(n,) for n in range(STEP)], ["n"]),
        first=first,
        landmark=landmark,
    )


def _aged(sums: exp.Query, factors: Mapping[int, float]) -> exp.Query:
    """The index of each node for each customer, in whole numbers of 2^-32."""
    half_of = exp.select("code", "half").distinct().from_("leading").subquery("h")
    factor_of = written(list(factors.items()), ["half", "factor"]).subquery("f")
    weight = exp.Round(this=exp.column("weight", "s") * exp.column("factor", "f"))
    return (
        exp.select("s.number", "s.code", exp.cast(weight, "bigint").as_("weight"))
        .from_(sums.subquery("s"))
        .join(half_of, on=exp.column("code", "h").eq(exp.column("code", "s")))
        .join(factor_of, on=exp.column("half", "f").eq(exp.column("half", "h")))
        .order_by("s.code", "s.number")
    )


def acts_of(tag: Tag, ground: Ground, place: str) -> tuple[exp.Query, Mapping[str, int], Mapping[int, int]]:
    """What counts for a tag (number, name, day, and what it was about), the points of each event, and the half-life of
    each node in days."""
    tree = find(ground.trees, name(tag, "taxonomy", place, "default"))
    return _acts(tag, ground, place), _weights(tag, place), _halves(tag, tree, place)
