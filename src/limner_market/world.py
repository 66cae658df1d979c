"""The hidden world behind the files: people, what they are called, what they can buy, how they answer."""

from __future__ import annotations

from dataclasses import dataclass

from limner_market.identifiers import Identifiers, make_identifiers
from limner_market.items import Items, Shelf, lay_shelf, make_items
from limner_market.people import People, make_people
from limner_market.purchases import Purchases, make_purchases
from limner_market.response import Response, make_response

_SHELF_DAYS = 61
_AHEAD = 366  # days after now for which shelves are laid


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is true of a market by (seed, customers), before anybody is sent anything. Days are market
    days."""

    seed: int
    first_day: int
    now_day: int
    people: People
    identifiers: Identifiers
    items: Items
    shelves: tuple[Shelf, ...]
    purchases: Purchases
    response: Response

    def shelf(self, day: int) -> Shelf:
        """What is on sale around a market day; the last shelf serves all later days."""
        place = min(max(day - self.first_day, 0) // _SHELF_DAYS, len(self.shelves) - 1)
        return self.shelves[place]


def make_world(seed: int, customers: int, first_day: int, now_day: int) -> World:
    """The world of (seed, customers); about 200 bytes of memory per customer."""
    people = make_people(seed, customers)
    items = make_items(seed, first_day, now_day)
    shelves = tuple(lay_shelf(items, day) for day in range(first_day, now_day + _AHEAD, _SHELF_DAYS))
    return World(
        seed=seed,
        first_day=first_day,
        now_day=now_day,
        people=people,
        identifiers=make_identifiers(seed, people),
        items=items,
        shelves=shelves,
        purchases=make_purchases(seed, people, first_day, now_day),
        response=make_response(people),
    )
