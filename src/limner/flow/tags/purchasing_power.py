"""Purchasing power: how dear a customer buys within each category, and how much they spend, as one index of 0 to 100.

What is dear differs by category, so a price is held against other prices of its category only: its place is the share
of bought lines that were cheaper, and half of the equally dear ones. The spend is the customer's place among all,
refunds taken off. The index mixes the two; 34 and 67 part low, middle and high. Who bought too few lines with a
price is unknown.
"""

from __future__ import annotations

from limner.core.ours import Tag
from limner.flow.tags.base import Asked, Cell, Ground, kind
from limner.flow.tags.compose import picked
from limner.flow.tags.options import known_only, number
from limner.store.lake.sql import statement

POWERS = ("low", "middle", "high")
_PARTS = ("score", "price", "spend")
_BOUNDS = {"days": (365, 1, 3650), "least": (2, 1, 1000), "price_weight": (50, 0, 100)}
"""Option → usual value, least, most: the days that count; the lines with a price it takes; the weight of the price in
the index, in percent."""


@kind("purchasing_power")
def purchasing_power(tag: Tag, ground: Ground, place: str) -> Asked:
    """Columns ID (low, middle, high), and what it is made of: ID.score, ID.price and ID.spend, 0 to 100 each."""
    known_only(tag, tuple(_BOUNDS), place)
    bounds = {option: number(tag, option, place, *usual) for option, usual in _BOUNDS.items()}
    found = statement(
        __package__ or "",
        "purchasing_power.sql",
        lines=ground.rows("lines"),
        orders=ground.rows("orders"),
        since=ground.asof_day - bounds.pop("days"),
        **bounds,
    )
    query = picked(found, {tag.id: "power", **{f"{tag.id}.{part}": part for part in _PARTS}})
    return Asked(query, (Cell(tag.id, "text", words=POWERS), *(Cell(f"{tag.id}.{part}", "int") for part in _PARTS)))
