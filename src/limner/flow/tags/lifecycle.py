"""The lifecycle stage of a buyer: new, active, sleeping or lost, by their own rhythm.

If purchases come at random (a Poisson process), who has shown few of them may still turn out to buy seldom. Rates are
therefore held to be spread as if every customer had shown four gaps of the median length of all before their own: the
chance that a customer who is still there stays silent for longer than s is (1 + s / (span + 4 × median))^−(gaps + 4),
which is exp(−s / gap) for one with many gaps (Lomax, JASA 49, 1954). Below exp(−2), 14 %, they are sleeping, below
exp(−4), 2 %, lost. One order is so judged by the rhythm of the others, many by their own. No silence up to 30 days is
called sleeping, none up to 90 lost. Customers without an order are unknown.
"""

from __future__ import annotations

from sqlglot import exp

from limner.core.ours import Tag
from limner.flow.tags.base import Asked, Cell, Ground, kind
from limner.flow.tags.compose import picked
from limner.flow.tags.options import known_only, name, number
from limner.store.lake.sql import statement

STAGES = ("new", "active", "sleeping", "lost")
_USUAL = {"silence": "recency_days", "tenure": "first_order_days", "order_days": "order_days"}
_BOUNDS = {
    "starting": (30, 1, 3650),
    "sleeping": (2, 1, 100),
    "lost": (4, 1, 100),
    "least_sleeping": (30, 0, 3650),
    "least_lost": (90, 0, 3650),
    "unheard": (60, 1, 3650),
}
"""Option → usual value, least, most: days of being new; minus the logarithm of the chance below which sleeping
and lost are said; the days below which neither is said; the gap when nobody has bought twice."""


@kind("lifecycle")
def lifecycle(tag: Tag, ground: Ground, place: str) -> Asked:
    """One column of text."""
    known_only(tag, (*_BOUNDS, *_USUAL), place)
    bounds = {
        option: number(tag, option, place, usual, least, most) for option, (usual, least, most) in _BOUNDS.items()
    }
    axes = {axis: name(tag, axis, place, usual) for axis, usual in _USUAL.items()}
    answers = exp.select("number", *(exp.column(axes[axis], quoted=True).as_(axis) for axis in axes)).from_("answers")
    found = statement(__package__ or "", "lifecycle.sql", answers=answers, **bounds)
    return Asked(picked(found, {tag.id: "stage"}), (Cell(tag.id, "text", words=STAGES),), needs=tuple(axes.values()))


def silence_of(tag: Tag) -> str:
    """The tag a lifecycle reads the days since the last order from."""
    return name(tag, "silence", tag.id, _USUAL["silence"])
