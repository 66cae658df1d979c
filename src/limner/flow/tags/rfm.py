"""RFM: recency, frequency and money in levels, and the eight classes they make (Hughes 1994).

Levels are quintiles, or thirds with `levels: 3`, over customers with an order; others are unknown. Equal values always
share a level. A customer is high on an axis when their level is above the mean level of all.
"""

from __future__ import annotations

from sqlglot import exp

from limner.core.ours import Tag
from limner.flow.tags.base import Asked, Cell, Ground, kind
from limner.flow.tags.options import choice, known_only, name
from limner.store.lake.sql import statement

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


@kind("rfm")
def rfm(tag: Tag, ground: Ground, place: str) -> Asked:
    """Columns ID (the class), ID.r, ID.f, ID.m (levels). Options: `levels` 5 or 3; `recency`, `frequency`, `money` name
    the tags it stands on."""
    known_only(tag, ("levels", "recency", "frequency", "money"), place)
    levels = choice(tag, "levels", (5, 3), place, 5)
    axes = {axis: name(tag, axis, place, usual) for axis, usual in _USUAL.items()}
    answers = exp.select("number", *(exp.column(axes[axis], quoted=True).as_(axis) for axis in axes)).from_("answers")
    found = statement(__package__ or "", "rfm.sql", answers=answers, levels=levels)
    query = exp.select("number", exp.column("class").as_(tag.id, quoted=True)).from_(found.subquery("found"))
    for axis in "rfm":
        query = query.select(exp.column(axis).as_(f"{tag.id}.{axis}", quoted=True))
    cells = (Cell(tag.id, "text", words=CLASSES), *(Cell(f"{tag.id}.{axis}", "int") for axis in "rfm"))
    return Asked(query, cells, needs=tuple(axes.values()))


_USUAL = {"recency": "recency_days", "frequency": "orders", "money": "net_spend"}
