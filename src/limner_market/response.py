"""What a message does: the chance to order on a day, and how a delivered message changes it in the days after."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from limner_market.chance import Floats, Ints
from limner_market.habits import hour_pull
from limner_market.people import People
from limner_market.states import STATES, TARGETS, WINDOW, State

REACH = 28  # days after which a message is forgotten
FATIGUE = 0.90  # what is left of the effect for each message delivered in the 30 days before
MEMORY = 30


@dataclass(frozen=True, slots=True)
class Gateway:
    """One channel as the market answers on it: shares of delivered, opened, clicked and opted out, and the price of
    a message."""

    delivered: float
    opened: float
    clicked: float
    pull: float
    opt_out: float
    price: Decimal


GATEWAYS: dict[str, Gateway] = {
    "sms": Gateway(0.97, 0.0, 0.055, 1.00, 0.0030, Decimal("0.05")),
    "wecom": Gateway(0.99, 0.62, 0.180, 0.985, 0.0020, Decimal("0.02")),
    "mini": Gateway(0.98, 0.45, 0.200, 0.99, 0.0010, Decimal("0")),
    "guide": Gateway(0.92, 0.92, 0.0, 1.12, 0.0015, Decimal("2")),
}


def _profile() -> Floats:
    age = np.arange(REACH)
    quick = np.exp(-age / 3.0)
    slow = np.exp(-age / 10.0)
    return np.asarray(0.9 * quick / quick.sum() + 0.1 * slow / slow.sum())


# The share of a message's effect by days since it was delivered; about 3 % of it comes after the window.
PROFILE = _profile()


@dataclass(frozen=True, slots=True)
class Response:
    """Per person the daily chance to order by oneself, and per person the scale from points of lift to extra daily
    chance."""

    daily: Floats
    scale: Floats


def make_response(people: People) -> Response:
    """Hazards whose mean over a state is exactly its base rate, and scales that meet `TARGETS` exactly over the state.

    The targets hold for a text message handed over at 20:00 on the first evening of the window to a person without
    fatigue, and count everybody it was sent to, delivered or not.
    """
    daily = np.zeros(len(people))
    scale = np.ones(len(people))
    for state in State:
        who = people.among(state)
        nature = STATES[state]
        if len(who) == 0 or nature.base == 0.0:
            continue
        share = people.warmth[who] / people.warmth[who].mean()
        daily[who] = 1.0 - (1.0 - np.minimum(nature.base * share, 0.6)) ** (1.0 / WINDOW)
        scale[who] = 1.0 / (PROFILE[:WINDOW].sum() * (1.0 - nature.base))
    response = Response(daily, scale)
    for state, yuan, points in TARGETS:
        who = people.among(state)
        if len(who) == 0:
            continue
        for _ in range(3):
            found = standard_lift(people, response, who, yuan)
            scale[who] *= points / found
    return response


def strength(
    people: People, response: Response, who: Ints, channel: str, yuan: Floats | float, second: Ints | int
) -> Floats:
    """Extra daily chance, summed over all days, that one *delivered* message brings each of `who`.

    `yuan` is the coupon (0 for words only), `second` the moment of handing over. May be negative: some stay away
    because of it.
    """
    state = people.state[who]
    words = np.array([s.words for s in STATES])[state] * people.word_pull[who]
    coupon = np.array([s.coupon for s in STATES])[state] * people.coupon_pull[who]
    half = np.array([s.half for s in STATES])[state]
    worth = np.asarray(yuan, dtype=np.float64)
    points = words + coupon * worth / (worth + half)
    gateway = GATEWAYS[channel]
    landing = hour_pull(people.slot[who].astype(np.int64), np.asarray(second))
    return np.asarray(points * response.scale[who] * gateway.pull / GATEWAYS["sms"].delivered * landing)


def chances(daily: Floats, extra: Floats) -> Floats:
    """Chance to order on a day, kept between 0 and 0.95."""
    return np.clip(daily + extra, 0.0, 0.95)


def on_day(effect: Floats, since: int | Ints) -> Floats:
    """The part of `effect` that falls on the day `since` days after delivery; 0 before it and once it is forgotten.

    On the first day a message can draw people in (they act after it), but cannot undo the morning.
    """
    age = np.asarray(since)
    part = np.where((age >= 0) & (age < REACH), PROFILE[np.clip(age, 0, REACH - 1)], 0.0) * effect
    return np.where((age == 0) & (effect < 0.0), 0.0, part)


def standard_lift(people: People, response: Response, who: Ints, yuan: float) -> float:
    """Mean lift over 14 days of the standard touch (text message, 20:00, no fatigue) over `who`, in probability."""
    gateway = GATEWAYS["sms"]
    effect = strength(people, response, who, "sms", yuan, np.full(len(who), 20 * 3600))
    base = response.daily[who]
    stay, stay_with = np.ones(len(who)), np.ones(len(who))
    for k in range(WINDOW):
        stay *= 1.0 - base
        stay_with *= 1.0 - chances(base, on_day(effect, k))
    return float(np.mean(gateway.delivered * (stay - stay_with)))
