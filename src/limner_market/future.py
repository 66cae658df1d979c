"""The days from now on: everybody's orders by their own chance, changed by the messages that reached them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner_market.baskets import NO_CODE, Baskets, Lines, fill, join_lines
from limner_market.chance import Ints, uniform
from limner_market.days import DAY
from limner_market.history import own_time
from limner_market.response import REACH, chances
from limner_market.states import STATES, WINDOW
from limner_market.touches import Touches, added_on
from limner_market.world import World


@dataclass(frozen=True, slots=True)
class Wallet:
    """The one coupon each person holds: worth (fen, 0 for none), the second it arrived, the last day it is good,
    its code."""

    fen: Ints
    since: Ints
    until_day: Ints
    code: Ints


def empty_wallet(total: int) -> Wallet:
    """Nobody holds a coupon."""
    none = np.zeros(total, dtype=np.int64)
    return Wallet(none, none, none, none + NO_CODE)


def orders_between(world: World, touches: Touches, wallet: Wallet, first: int, last: int) -> tuple[Lines, Wallet]:
    """Order lines of the market days [first, last) and the wallet after them."""
    landed = touches.rows((touches.landed >= (first - REACH) * DAY) & (touches.landed < last * DAY))
    parts: list[Lines] = []
    for day in range(first, last):
        wallet = _collect(wallet, landed, day)
        person, second = _buyers(world, landed, day)
        used = _redeems(world, wallet, person, second, day)
        baskets = Baskets(
            person, second, np.where(used, wallet.fen[person], 0), np.where(used, wallet.code[person], NO_CODE)
        )
        parts.append(fill(world, baskets))
        fen = wallet.fen.copy()
        fen[person[used]] = 0
        wallet = Wallet(fen, wallet.since, wallet.until_day, wallet.code)
    return join_lines(parts), wallet


def _collect(wallet: Wallet, landed: Touches, day: int) -> Wallet:
    """The wallet with the coupons that arrive on a day; a new coupon takes the place of an old one."""
    today = landed.rows((landed.landed // DAY == day) & (landed.benefit_fen > 0))
    if len(today) == 0:
        return wallet
    today = today.rows(np.argsort(today.landed, kind="stable"))
    changed = Wallet(wallet.fen.copy(), wallet.since.copy(), wallet.until_day.copy(), wallet.code.copy())
    changed.fen[today.person] = today.benefit_fen
    changed.since[today.person] = today.landed
    changed.until_day[today.person] = day + WINDOW - 1
    changed.code[today.person] = today.code
    return changed


def _buyers(world: World, landed: Touches, day: int) -> tuple[Ints, Ints]:
    """Who orders on a day, and at which second. One draw per person and day decides, whatever reached them: it is
    compared with a chance that messages have raised or lowered. Who comes because of a message of that very day
    comes after it."""
    everyone = np.arange(len(world.people))
    daily = world.response.daily
    luck = uniform(world.seed, "order/day", everyone, day)
    person = np.flatnonzero(luck < chances(daily, added_on(landed, day, len(everyone))))
    second = day * DAY + own_time(world, person, np.full(len(person), day))
    arrived = np.zeros(len(everyone), dtype=np.int64)
    today = landed.rows(landed.landed // DAY == day)
    np.maximum.at(arrived, today.person, today.landed)
    drawn = np.flatnonzero((luck[person] >= daily[person]) & (arrived[person] > 0))
    start = arrived[person[drawn]] + 30
    left = np.maximum((day + 1) * DAY - start, 1)
    wait = uniform(world.seed, "order/drawn", person[drawn], day)
    second[drawn] = np.minimum(start + (wait * left).astype(np.int64), (day + 1) * DAY - 1)
    return person, second


def _redeems(
    world: World, wallet: Wallet, person: Ints, second: Ints, day: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    share = np.array([s.redeem for s in STATES])[world.people.state[person]]
    holds = (wallet.fen[person] > 0) & (wallet.since[person] <= second) & (wallet.until_day[person] >= day)
    return np.asarray(holds & (uniform(world.seed, "order/redeem", person, day) < share))
