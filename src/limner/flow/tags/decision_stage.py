"""How far a customer has come towards the next purchase: need, search, compare, buy, after.

Only what they did since their last order counts, and only within some days: a cart or an order placed is buy; two items
of one category looked at is compare; a search or a look at one item is search. Who did none of these is after when
their last order is fresh, and need when they were active at all. Everybody else is unknown.
"""

from __future__ import annotations

from limner.core.ours import Tag
from limner.flow.tags.base import Asked, Cell, Ground, kind
from limner.flow.tags.compose import picked
from limner.flow.tags.options import known_only, number
from limner.store.lake.sql import statement

STAGES = ("need", "search", "compare", "buy", "after")


@kind("decision_stage")
def decision_stage(tag: Tag, ground: Ground, place: str) -> Asked:
    """One column of text. Options: `days` that an act counts (30), `after` days that an order is fresh (30)."""
    known_only(tag, ("days", "after"), place)
    found = statement(
        __package__ or "",
        "decision_stage.sql",
        events=ground.rows("events"),
        item_events=ground.rows("item_events"),
        since=ground.asof_day - number(tag, "days", place, 30, 1, 365),
        fresh=ground.asof_day - number(tag, "after", place, 30, 1, 365),
    )
    return Asked(picked(found, {tag.id: "stage"}), (Cell(tag.id, "text", words=STAGES),))
