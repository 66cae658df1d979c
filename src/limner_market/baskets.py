"""What is in an order: its lines with item, price, discount, coupon, and whether and when a line comes back."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from limner_market.chance import Floats, Ints, normal, uniform
from limner_market.days import DAY
from limner_market.identifiers import renumber
from limner_market.states import STATES
from limner_market.world import World

SPREAD = 0.25  # sigma of the logarithm of an order's value
DISCOUNTS = np.array([75, 80, 80, 85])  # percent of the list price
RETURNS = 0.11  # share of lines that come back
COUPON_RETURNS = 0.03  # more of them when a coupon was used
BACK_FIRST, BACK_LAST = 2, 12  # days after the order on which a line may come back
NO_CODE = -1


@dataclass(frozen=True, slots=True)
class Baskets:
    """One row per order: who, when (market second), and the coupon used (fen; 0 and NO_CODE without one)."""

    person: Ints
    second: Ints
    coupon_fen: Ints
    code: Ints

    @property
    def day(self) -> Ints:
        """Market days of the orders."""
        return self.second // DAY


@dataclass(frozen=True, slots=True)
class Lines:
    """One row per order line. Money in fen for the whole line: `list_fen` at list price, `goods_fen` after the
    shop's discount, `coupon_fen` the coupon's share; paid = goods − coupon. `back` is the second the money was
    returned, −1 when it was not.
    """

    order: Ints
    line: Ints
    person: Ints
    second: Ints
    item: Ints
    quantity: Ints
    list_fen: Ints
    goods_fen: Ints
    coupon_fen: Ints
    code: Ints
    counter: Ints
    back: Ints

    def __len__(self) -> int:
        return len(self.order)

    @property
    def paid_fen(self) -> Ints:
        """What the customer paid, in fen."""
        return self.goods_fen - self.coupon_fen

    def rows(self, which: Ints | np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Lines:
        """The lines at the given places, or where the mask is true."""
        return Lines(*(getattr(self, f.name)[which] for f in fields(self)))


def join_lines(parts: list[Lines]) -> Lines:
    """All lines of `parts`, in their order; none gives no lines."""
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return Lines(*(empty for _ in fields(Lines)))
    return Lines(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Lines)))


def plain_baskets(person: Ints, second: Ints) -> Baskets:
    """Orders without a coupon."""
    none = np.zeros(len(person), dtype=np.int64)
    return Baskets(person, second, none, none + NO_CODE)


def fill(world: World, baskets: Baskets) -> Lines:
    """The lines of orders, drawn by (person, day): the same person buys the same things that day whatever brought
    them in."""
    seed, who, day = world.seed, baskets.person, baskets.day
    if len(who) == 0:
        return join_lines([])
    luck = uniform(seed, "basket/lines", who, day)
    count = 1 + (luck > 0.72) + (luck > 0.95)
    cheap = uniform(seed, "basket/thrift", who, day) < world.people.thrift[who]
    percent = np.where(cheap, DISCOUNTS[(uniform(seed, "basket/percent", who, day) * 4).astype(np.int64)], 100)
    wish = _goods_wish(world, who, day) / percent * 100.0 / count
    order = np.repeat(np.arange(len(who)), count)
    line = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    item = _pick(world, who[order], day[order], line, wish[order])
    list_fen = world.items.list_fen[item]
    goods = np.round(list_fen * percent[order] / 10_000).astype(np.int64) * 100
    coupon = _share_coupon(goods, order, np.minimum(baskets.coupon_fen, np.bincount(order, goods).astype(np.int64)))
    with_coupon = baskets.coupon_fen[order] > 0
    counter = at_counter(world, who, day)
    return Lines(
        order=_order_numbers(seed, who, day)[order],
        line=line + 1,
        person=who[order],
        second=baskets.second[order],
        item=item,
        quantity=np.ones(len(order), dtype=np.int64),
        list_fen=list_fen,
        goods_fen=goods,
        coupon_fen=coupon,
        code=baskets.code[order],
        counter=counter[order].astype(np.int64),
        back=_returns(seed, who[order], day[order], line, baskets.second[order], with_coupon),
    )


def at_counter(world: World, who: Ints, day: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether each of `who` buys at the counter of their shop that day, rather than at the market place."""
    return np.asarray(uniform(world.seed, "basket/counter", who, day) < world.people.counter[who])


def _goods_wish(world: World, who: Ints, day: Ints) -> Floats:
    state = world.people.state[who]
    now = np.array([s.basket for s in STATES])[state]
    then = np.array([s.old_basket for s in STATES])[state]
    middle = np.where(day < world.now_day, then, now) * 100.0
    return np.asarray(middle * np.exp(SPREAD * normal(world.seed, "basket/worth", who, day)))


def _pick(world: World, who: Ints, day: Ints, line: Ints, wish: Floats) -> Ints:
    item = np.empty(len(who), dtype=np.int64)
    luck = uniform(world.seed, "basket/item", who, day, line)
    taste = world.people.taste[who].astype(np.int64)
    shelves = {id(world.shelf(int(d))): world.shelf(int(d)) for d in np.unique(day)}
    if len(shelves) == 1:
        return next(iter(shelves.values())).pick(wish, taste, luck)
    for one in np.unique(day):
        here = np.flatnonzero(day == one)
        item[here] = world.shelf(int(one)).pick(wish[here], taste[here], luck[here])
    return item


def _share_coupon(goods: Ints, order: Ints, coupon: Ints) -> Ints:
    """The coupon over the lines in proportion to their goods, in whole fen, the remainder on the order's last line."""
    if not coupon.any():
        return np.zeros(len(goods), dtype=np.int64)
    total = np.bincount(order, goods).astype(np.int64)
    part = coupon[order] * goods // total[order]
    last = np.append(order[1:] != order[:-1], True)
    spare = coupon - np.bincount(order, part, minlength=len(coupon)).astype(np.int64)
    part[last] += spare[order[last]]
    return part


def _order_numbers(seed: int, who: Ints, day: Ints) -> Ints:
    """19 digits as the market place prints them, one number per person and day."""
    tail = (uniform(seed, "basket/number", who, day) * 1_000_000).astype(np.int64)
    return (
        3_000_000_000_000_000_000 + (day % 10_000) * 100_000_000_000_000 + renumber(who, seed + 11) * 1_000_000 + tail
    )


def _returns(
    seed: int, who: Ints, day: Ints, line: Ints, second: Ints, coupon: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> Ints:
    share = RETURNS + COUPON_RETURNS * coupon
    comes_back = uniform(seed, "basket/back", who, day, line) < share
    days = BACK_FIRST + (uniform(seed, "basket/wait", who, day) * (BACK_LAST - BACK_FIRST + 1)).astype(np.int64)
    return np.where(comes_back, second + days * DAY + 1_800, -1)
