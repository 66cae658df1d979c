"""The market's own answer: what a touch really changes, as means of chances and not of draws."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from limner_market.baskets import BACK_FIRST, BACK_LAST, COUPON_RETURNS, RETURNS, fill, plain_baskets
from limner_market.chance import Floats, Ints
from limner_market.days import DAY
from limner_market.files import Written
from limner_market.habits import SLOTS, share_after
from limner_market.identifiers import Spoil
from limner_market.response import FATIGUE, GATEWAYS, MEMORY, chances, on_day, strength
from limner_market.states import STATES, WINDOW
from limner_market.touches import Touches, added_on, no_touches
from limner_market.world import World

_SAMPLE = 24_000  # orders per state from which the mean margin by taste and discount is taken
_COUPONS = (0, 20, 40, 50)


@dataclass(frozen=True, slots=True)
class Truth:
    """True means per customer of a set, over the 14 market days from the day of the decision; money in yuan.

    `rate_with`, `rate_without`: chance of at least one order, had all of them been sent the message, or none.
    Margins are goods less cost, before any coupon, less the margin of lines returned within the window.
    `redemption` is the share who use the coupon in the window, `benefit` what they keep of it (a returned line
    takes its share back), `money` = incremental margin − benefit − contact cost. All zero for an empty set.
    """

    customers: int
    rate_with: float
    rate_without: float
    margin_with: float
    margin_without: float
    redemption: float
    benefit: float
    contact_cost: float

    @property
    def lift(self) -> float:
        """What the message adds to the chance of an order, in probability (0.026 is 2.6 points)."""
        return self.rate_with - self.rate_without

    @property
    def incremental_margin(self) -> float:
        """What the message adds to the margin, in yuan per customer."""
        return self.margin_with - self.margin_without

    @property
    def money(self) -> float:
        """What the message earns, in yuan per customer."""
        return self.incremental_margin - self.benefit - self.contact_cost


@dataclass(frozen=True, slots=True)
class Window:
    """Per person, row by row: chances of an order and of a redemption, and expected orders by day (persons × 14)."""

    rate_with: Floats
    rate_without: Floats
    redemption: Floats
    daily_with: Floats
    daily_without: Floats


def window_of(
    world: World, who: Ints, channel: str, yuan: float, touches: Touches, decided: int, handed: int
) -> Window:
    """The 14 days from market day `decided` for each of `who`, with and without a message handed over at second
    `handed`.

    Touches handed over before the day of the decision still work in both worlds, and tire people of the new one.
    """
    people, gateway = world.people, GATEWAYS[channel]
    earlier = touches.rows((touches.landed >= 0) & (touches.handed < decided * DAY))
    total = len(people)
    recent = earlier.rows(earlier.handed >= handed - MEMORY * DAY)
    tired = np.bincount(recent.person, minlength=total)[who]
    effect = strength(people, world.response, who, channel, yuan, np.full(len(who), handed)) * FATIGUE**tired
    base = world.response.daily[who]
    redeem = np.array([s.redeem for s in STATES])[people.state[who]] * (yuan > 0)
    late = share_after(people.slot[who].astype(np.int64), np.full(len(who), handed % DAY))
    stay, stay_with, kept = np.ones(len(who)), np.ones(len(who)), np.ones(len(who))
    daily_with, daily_without = np.empty((len(who), WINDOW)), np.empty((len(who), WINDOW))
    for k in range(WINDOW):
        day = decided + k
        extra = added_on(earlier, day, total)[who]
        own = chances(base, extra)
        moved = chances(base, extra + on_day(effect, day - handed // DAY))
        stay, stay_with = stay * (1.0 - own), stay_with * (1.0 - moved)
        if day >= handed // DAY:
            after = own * late + np.maximum(moved - own, 0.0) if day == handed // DAY else moved
            kept = kept * (1.0 - redeem * after)
        daily_with[:, k], daily_without[:, k] = moved, own
    reach = gateway.delivered
    return Window(
        rate_with=1.0 - (reach * stay_with + (1.0 - reach) * stay),
        rate_without=1.0 - stay,
        redemption=reach * (1.0 - kept),
        daily_with=reach * daily_with + (1.0 - reach) * daily_without,
        daily_without=daily_without,
    )


def truth_of(
    world: World, margins: Floats, who: Ints, channel: str, yuan: float, touches: Touches, decided: int, handed: int
) -> Truth:
    """The truth about persons `who`; `margins` is the mean margin of an order of every person, in yuan."""
    if len(who) == 0:
        return Truth(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    window = window_of(world, who, channel, yuan, touches, decided, handed)
    seen = np.clip(WINDOW - BACK_FIRST - np.arange(WINDOW), 0, BACK_LAST - BACK_FIRST + 1) / (
        BACK_LAST - BACK_FIRST + 1
    )
    kept = 1.0 - RETURNS * seen
    coupons = np.divide(window.redemption, window.rate_with, out=np.zeros(len(who)), where=window.rate_with > 0)
    kept_with = 1.0 - (RETURNS + COUPON_RETURNS * coupons[:, None]) * seen
    worth = margins[who]
    orders = window.daily_with.sum(axis=1)
    early = np.divide((window.daily_with * seen).sum(axis=1), orders, out=np.zeros(len(who)), where=orders > 0)
    given = window.redemption * (1.0 - (RETURNS + COUPON_RETURNS) * early)
    return Truth(
        customers=len(who),
        rate_with=float(window.rate_with.mean()),
        rate_without=float(window.rate_without.mean()),
        margin_with=float((worth * (window.daily_with * kept_with).sum(axis=1)).mean()),
        margin_without=float((worth * (window.daily_without * kept).sum(axis=1)).mean()),
        redemption=float(window.redemption.mean()),
        benefit=float(given.mean() * yuan),
        contact_cost=float(GATEWAYS[channel].price),
    )


def order_margins(world: World) -> Floats:
    """Mean margin of an order of every person from now on, in yuan: goods less cost, before coupon and returns."""
    people = world.people
    tastes = len(world.items.paths)
    margins = np.zeros(len(people))
    for number in range(len(STATES)):
        who = np.flatnonzero(people.state == number)
        if len(who) == 0 or STATES[number].base == 0.0:
            continue
        rounds = max(1, _SAMPLE // len(who))
        person = np.repeat(who[: min(_SAMPLE, len(who))], rounds)
        day = world.now_day + 1_000 + np.tile(np.arange(rounds), len(person) // rounds)
        lines = fill(world, plain_baskets(person, day * DAY))
        margin = (lines.goods_fen - world.items.cost_fen[lines.item] * lines.quantity) / 100.0
        cheap = lines.goods_fen < lines.list_fen
        cell = people.taste[lines.person] * 2 + cheap
        first = lines.line == 1
        orders = np.bincount(cell[first], minlength=2 * tastes)
        sums = np.bincount(cell, margin, minlength=2 * tastes)
        overall = margin.sum() / max(first.sum(), 1)
        mean = np.where(orders > 0, sums / np.maximum(orders, 1), overall)
        taste = people.taste[who].astype(np.int64) * 2
        margins[who] = mean[taste] * (1.0 - people.thrift[who]) + mean[taste + 1] * people.thrift[who]
    return margins


def write_truth(world: World, folder: Path) -> tuple[Written, ...]:
    """The truth beside the files: `persons` (traits and what we planted in their names), `effects` (14 days, text
    message at 20:00 of the first evening, by yuan of coupon) and `channels`."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"persons": _persons(world), "effects": _effects(world), "channels": _channels()}
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=1)
    return tuple(Written(f"truth/{name}", folder / f"{name}.parquet", table.num_rows) for name, table in tables.items())


def _persons(world: World) -> pa.Table:
    people, named, total = world.people, world.identifiers, world.people.members
    single = {
        name: getattr(people, name)[:total].astype(np.float32)
        for name in ("warmth", "browse", "word_pull", "coupon_pull", "thrift")
    }
    return pa.table(
        {
            "member_no": named.member_no,
            "state": pa.array([s.name for s in STATES]).take(pa.array(people.state[:total])),
            "active_hours": pa.array(SLOTS).take(pa.array(people.slot[:total])),
            "daily_chance": world.response.daily[:total],
            **single,
            "phone": pa.array(named.phone).cast(pa.string()),
            "phone_listed_as": pa.array([kind.name.lower() for kind in Spoil]).take(pa.array(named.spoil)),
            "unionid": named.unionid[:total],
            "openid": named.openid[:total],
            "has_mini": people.has_mini[:total],
            "has_wecom": people.has_wecom[:total],
        }
    )


def _effects(world: World) -> pa.Table:
    who = np.arange(world.people.members)
    columns: dict[str, object] = {"member_no": world.identifiers.member_no}
    for yuan in _COUPONS:
        window = window_of(
            world, who, "sms", float(yuan), no_touches(), world.now_day, world.now_day * DAY + 20 * 3_600
        )
        columns.setdefault("rate_without", window.rate_without)
        columns[f"lift_{yuan}"] = window.rate_with - window.rate_without
    return pa.table(columns)


def _channels() -> pa.Table:
    rows = [
        {
            "channel": name,
            "delivered": g.delivered,
            "pull": g.pull,
            "opened": g.opened,
            "clicked": g.clicked,
            "opt_out": g.opt_out,
            "price": g.price,
        }
        for name, g in GATEWAYS.items()
    ]
    return pa.Table.from_pylist(rows)
