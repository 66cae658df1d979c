"""Three groups of buyers by k-means on log RFM: 重要价值 (worth most), 一般保持 (to keep), 一般挽留 (to win back).

The logarithms stand on a grid of whole numbers, each axis is weighed by its spread, and the groups are named by their
centres: the one with the highest sum of frequency, money and minus recency is 重要价值, the lowest 一般挽留.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from sqlglot import exp

from limner.core.ours import Tag
from limner.flow.tags.base import Asked, Cell, Ground, Study, kind
from limner.flow.tags.compose import picked
from limner.flow.tags.options import known_only
from limner.flow.tags.rfm import AXES, axes_of
from limner.maths.weighted_means import centres, settled
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Floats = npt.NDArray[np.float64]

GROUPS: Final = ("重要价值", "一般保持", "一般挽留")
_SEED: Final = 20050601
_MANY: Final = 20_000
_COARSE: Final = 4
"""Steps of the grid that are one where starts are tried."""
_COLUMNS: Final = tuple(f"{axis}{place}" for place in range(len(GROUPS)) for axis in "rfm")
_WEIGHTS: Final = ("wr", "wf", "wm")


@kind("rfm_groups")
def rfm_groups(tag: Tag, ground: Ground, place: str) -> Asked:
    """One column of text; customers without an order are unknown, and so are all where fewer than three differ.

    Options: `recency`, `frequency`, `money` name the tags it stands on. Centres are learned anew at every asof from
    the buyers known then, the same whatever the order of rows.
    """
    known_only(tag, tuple(AXES), place)
    needs, answers = axes_of(tag, place)
    package = __package__ or ""
    points = statement(package, "rfm_points.sql", answers=answers)
    question = exp.select("r", "f", "m", exp.Count(this=exp.Star()).as_("customers")).from_(points.subquery("points"))
    found = statement(package, "rfm_groups.sql", points=points, centres=exp.to_table("centres"))
    query = picked(found, {tag.id: "place"})
    studies = {"centres": Study(question.group_by("r", "f", "m"), learn)}
    return Asked(query, (Cell(tag.id, "text", words=GROUPS),), needs=needs, studies=studies)


def learn(rows: pa.Table) -> exp.Query:
    """The centres as one row, best group first, and the weight of each axis, from (r, f, m, customers) in any order."""
    grid = np.stack([rows[axis].to_numpy() for axis in "rfm"], axis=1).astype(np.float64).reshape(-1, 3)
    order = np.lexsort(grid.T)
    grid, customers = grid[order], rows["customers"].to_numpy().astype(np.float64)[order]
    total = customers.sum()
    columns = [*_COLUMNS, *_WEIGHTS]
    if len(grid) < len(GROUPS):
        return _row([0.0] * len(columns), columns).where(exp.false())
    mean = (grid * customers[:, None]).sum(axis=0) / total
    variance = ((grid - mean) ** 2 * customers[:, None]).sum(axis=0) / total
    weight = np.where(variance > 0, 1 / np.maximum(variance, 1e-12), 0.0)
    scaled = (grid - mean) * np.sqrt(weight)
    middle = _middle(grid, scaled, customers)
    if len(middle) < len(GROUPS):
        return _row([0.0] * len(columns), columns).where(exp.false())
    standing = middle @ np.array([-1.0, 1.0, 1.0])
    best = middle[np.argsort(-standing, kind="stable")] / np.where(weight > 0, np.sqrt(weight), 1.0) + mean
    return _row([*best.ravel().tolist(), *weight.tolist()], columns)


def _middle(grid: Floats, scaled: Floats, customers: Floats) -> Floats:
    """The centres; of many points, the starts are tried on coarser ones, and the best goes to its end on all."""
    rng = np.random.default_rng(_SEED)
    if len(grid) <= _MANY:
        return centres(scaled, customers, len(GROUPS), rng=rng)
    coarse = (grid // _COARSE).astype(np.int64)
    room = coarse.max(axis=0) + 1
    _, place = np.unique(np.ravel_multi_index(tuple(coarse.T), tuple(room)), return_inverse=True)
    heavy = np.bincount(place, customers)
    means = np.stack([np.bincount(place, customers * axis) / heavy for axis in scaled.T], axis=1)
    return settled(scaled, customers, centres(means, heavy, len(GROUPS), rng=rng))


def _row(values: list[float], columns: list[str]) -> exp.Select:
    """One row of doubles, written out so that every digit stays."""
    told = (exp.cast(exp.Literal.string(format(value, ".17g")), exp.DataType.Type.DOUBLE) for value in values)
    return exp.select(*(value.as_(column) for value, column in zip(told, columns, strict=True)))
