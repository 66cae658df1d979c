"""RFM: recency, frequency and money in levels, and the eight classes they make (Hughes 1994).

Levels are quintiles, or thirds with `levels: 3`, over customers with an order; others are unknown. Equal values always
share a level. An axis may have fixed `breaks` instead, so that a level means the same whoever else buys. A customer is
high on an axis when their level is above the mean level of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from sqlglot import exp

from limner.core.errors import BadDefinition, near
from limner.core.ours import Tag
from limner.flow.tags.base import BAD_OPTION, Asked, Cell, Ground, kind
from limner.flow.tags.compose import picked
from limner.flow.tags.options import choice, known_only, name
from limner.store.lake.sql import literal, statement

CLASSES = (
    "重要价值",
    "重要发展",
    "重要保持",
    "重要挽留",
    "一般价值",
    "一般发展",
    "一般保持",
    "一般挽留",
)
"""The classes by (recency, frequency, money): 价值 is high on R and F, 发展 on R only, 保持 on F only, 挽留 on neither;
重要 is high on M, 一般 is not."""
AXES: Final[Mapping[str, str]] = {"recency": "recency_days", "frequency": "orders", "money": "net_spend"}
"""Each axis and the tag it stands on when none is named."""
MOST_LEVELS: Final = 5


@kind("rfm")
def rfm(tag: Tag, ground: Ground, place: str) -> Asked:
    """Columns ID (the class), ID.r, ID.f, ID.m (levels). Options: `levels` 5 or 3; `recency`, `frequency`, `money` name
    the tags it stands on; `breaks` gives some axes fixed bounds, one fewer than levels and rising. A recency that is at
    most a bound, a frequency or a sum that is at least one, is in the better level."""
    known_only(tag, ("levels", "breaks", *AXES), place)
    levels = choice(tag, "levels", (MOST_LEVELS, 3), place, MOST_LEVELS)
    needs, answers = axes_of(tag, place)
    bounds = _bounds(_breaks(tag, levels, place), levels)
    found = statement(__package__ or "", "rfm.sql", answers=answers, bounds=bounds)
    query = picked(found, {tag.id: "class", **{f"{tag.id}.{axis}": axis for axis in "rfm"}})
    cells = (Cell(tag.id, "text", words=CLASSES), *(Cell(f"{tag.id}.{axis}", "int") for axis in "rfm"))
    return Asked(query, cells, needs=needs)


def axes_of(tag: Tag, place: str) -> tuple[tuple[str, ...], exp.Select]:
    """The tags the axes stand on, and the table of answers with the axes by their own names."""
    named = {axis: name(tag, axis, place, usual) for axis, usual in AXES.items()}
    columns = (exp.column(named[axis], quoted=True).as_(axis) for axis in AXES)
    return tuple(named.values()), exp.select("number", *columns).from_("answers")


def _breaks(tag: Tag, levels: int, place: str) -> Mapping[str, tuple[Decimal, ...]]:
    given = tag.options.get("breaks", {})
    if not isinstance(given, Mapping):
        raise BadDefinition(BAD_OPTION, place=place, option="breaks", value=given, bound="bounds by axis")
    found = {}
    for axis, bounds in given.items():
        if axis not in AXES:
            bound = "bounds by axis: " + ", ".join(AXES)
            raise BadDefinition(
                BAD_OPTION, near=near(str(axis), AXES), place=place, option="breaks", value=axis, bound=bound
            )
        numbers = bounds if isinstance(bounds, list | tuple) and all(map(_is_number, bounds)) else ()
        found[axis] = tuple(Decimal(str(number)) for number in numbers)
        if len(found[axis]) != levels - 1 or any(a >= b for a, b in zip(found[axis], found[axis][1:], strict=False)):
            bound = f"{levels - 1} rising numbers"
            raise BadDefinition(BAD_OPTION, place=place, option=f"breaks.{axis}", value=bounds, bound=bound)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and Decimal(str(value)).is_finite()


def _bounds(breaks: Mapping[str, tuple[Decimal, ...]], levels: int) -> exp.Select:
    """One row of four bounds per axis, lowest level first: the fixed ones, and quantiles where there are none."""
    quantiles = statement(__package__ or "", "rfm_bounds.sql", buyers=exp.to_table("buyers"), levels=levels)
    query = exp.select().from_(quantiles.subquery("quantiles", copy=False))
    for axis in AXES:
        fixed = breaks.get(axis, ())
        rising = fixed[::-1] if axis == "recency" else fixed
        told = [literal(bound, "decimal") for bound in rising]
        for place in range(MOST_LEVELS - 1):
            column = f"{axis[0]}{place + 1}"
            bound = (told[place] if place < len(told) else exp.null()) if fixed else exp.column(column)
            query = query.select(bound.as_(column), copy=False)
    return query
