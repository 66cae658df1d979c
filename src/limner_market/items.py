"""What 「南枝」 sells: items with category, list price, cost and on-sale day, and the table that finds one near a
price."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limner_market.chance import Floats, Ints, generator

ITEMS = 800
BINS = 48
NEAR = 8
_LOW, _HIGH = 60.0, 2600.0  # yuan; the ends of the price bins


@cache
def wardrobe() -> dict[str, Any]:
    """The categories, styles and colours of `wardrobe.toml`."""
    return tomllib.loads(files(__package__).joinpath("wardrobe.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Items:
    """All items, row i is item number i. Money in fen; `on_sale` is a market day; `category` indexes `paths`."""

    code: tuple[str, ...]
    title: tuple[str, ...]
    category: NDArray[np.int8]
    list_fen: Ints
    cost_fen: Ints
    on_sale: Ints
    paths: tuple[str, ...]


def make_items(seed: int, first_day: int, now_day: int) -> Items:
    """The collection: four in five items were on sale before `first_day`, the rest arrived by and by until
    `now_day`."""
    rng = generator(seed, "items")
    table = wardrobe()
    categories = table["categories"]
    share = np.array([row[1] for row in categories], dtype=np.float64)
    counts = np.floor(share / share.sum() * ITEMS).astype(np.int64)
    counts[0] += ITEMS - counts.sum()
    category = np.repeat(np.arange(len(categories)), counts)
    median = np.array([row[2] for row in categories], dtype=np.float64)[category]
    price = np.clip(median * np.exp(rng.normal(0.0, 0.32, ITEMS)), 69, 2499)
    list_fen = (np.round(price / 10) * 10 - 1).astype(np.int64) * 100
    cost_fen = np.round(list_fen * rng.uniform(0.34, 0.40, ITEMS)).astype(np.int64)
    old = rng.random(ITEMS) < 0.8
    on_sale = np.where(
        old, first_day - rng.integers(30, 540, ITEMS), first_day + rng.integers(0, max(now_day - first_day, 1), ITEMS)
    )
    words = [categories[c][3] for c in category]
    styles, colours = rng.choice(table["styles"], ITEMS), rng.choice(table["colours"], ITEMS)
    title = tuple(f"{c}{s}{w}" for c, s, w in zip(colours, styles, words, strict=True))
    code = tuple(f"NZ{10_000 + 7 * i}" for i in range(ITEMS))
    return Items(
        code,
        title,
        category.astype(np.int8),
        list_fen,
        cost_fen,
        on_sale.astype(np.int64),
        tuple(row[0] for row in categories),
    )


def price_bin(fen: Floats) -> Ints:
    """The price bin of a list price in fen; prices beyond the ends fall in the end bins."""
    place = np.log(np.maximum(fen / 100.0, 1.0) / _LOW) / np.log(_HIGH / _LOW) * BINS
    return np.asarray(np.clip(place, 0, BINS - 1), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Shelf:
    """For a day: NEAR items for each (price bin, taste), so that a wish for a price and a category finds an item at
    once."""

    near: NDArray[np.int32]

    def pick(self, fen: Floats, taste: Ints, luck: Floats) -> Ints:
        """Item numbers near the wished list price, of the wished category where it has any at that price."""
        found = self.near[price_bin(fen), taste, (luck * NEAR).astype(np.int64)]
        return np.asarray(found, dtype=np.int64)


def lay_shelf(items: Items, day: int) -> Shelf:
    """The shelf of a day: items on sale by then. An item of the category counts when its price is within 30 % of
    the bin's."""
    shown = np.flatnonzero(items.on_sale <= day)
    logs = np.log(items.list_fen[shown] / 100.0)
    middles = np.log(_LOW) + (np.arange(BINS) + 0.5) / BINS * np.log(_HIGH / _LOW)
    gap = np.abs(logs[None, :] - middles[:, None])
    kinds = len(items.paths)
    near = np.empty((BINS, kinds, NEAR), dtype=np.int32)
    for taste in range(kinds):
        away = np.where(items.category[shown] == taste, gap, gap + 0.30)
        near[:, taste, :] = shown[np.argsort(away, axis=1, kind="stable")[:, :NEAR]]
    return Shelf(near)
