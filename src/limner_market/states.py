"""The hidden states a person can be in, and what each state means in numbers.

A state decides how often one buys by oneself, how large the basket is and how far a message moves one. The shop
never sees it; it shows in what the shop does see (orders, favourites, discounts), and that is why a rule over
behaviour can find it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

WINDOW = 14  # days in which an order counts as an answer, and for which a coupon is good


class State(IntEnum):
    """The hidden states; guests buy without joining, visitors only look."""

    SLEEPING = 0
    LOYAL = 1
    WAVERING = 2
    WOKEN = 3
    FRESH = 4
    GUEST = 5
    VISITOR = 6


@dataclass(frozen=True, slots=True)
class Nature:
    """The numbers of one state. Probabilities are per 14 days; baskets in yuan of goods before any coupon.

    `share` of the members · `base` chance to order by oneself · `words`, `coupon` points a delivered message adds:
    words alone, and what a very large coupon would add on top (half of it at `half` yuan) · `basket` median,
    `old_basket` in the years before · `redeem` chance that a buyer who holds a coupon uses it · `views` acts a
    month in the mini-program.
    """

    name: str
    share: float
    base: float
    words: float
    coupon: float
    word_spread: float
    coupon_spread: float
    basket: float
    old_basket: float
    redeem: float
    thrift: float
    evening: float
    mini: float
    wecom: float
    views: float
    half: float = 20.0


STATES: tuple[Nature, ...] = (
    Nature("sleeping", 0.420, 0.0200, 0.0065, 0.0090, 0.30, 0.30, 280, 480, 0.85, 0.40, 0.50, 0.45, 0.30, 0.10),
    Nature("loyal", 0.250, 0.1385, 0.0010, 0.0014, 2.50, 2.50, 250, 250, 0.95, 0.12, 0.45, 0.80, 0.60, 0.80),
    Nature("wavering", 0.220, 0.0600, 0.0060, 0.0306, 0.30, 0.30, 700, 700, 0.85, 0.92, 0.80, 1.00, 0.40, 9.50),
    Nature("woken", 0.070, 0.0500, 0.0040, 0.0120, 0.30, 0.30, 300, 480, 0.85, 0.40, 0.50, 0.45, 0.30, 0.60),
    Nature("fresh", 0.040, 0.0500, 0.0050, 0.0120, 0.30, 0.30, 280, 280, 0.85, 0.35, 0.55, 0.85, 0.50, 1.50),
    Nature("guest", 0.0, 0.0150, 0.0, 0.0, 0.0, 0.0, 280, 280, 0.0, 0.40, 0.50, 0.0, 0.0, 0.00),
    Nature("visitor", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 280, 280, 0.0, 0.40, 0.60, 1.0, 0.0, 0.50),
)

# The touch at which `words` and `coupon` are true: (state, yuan of coupon, points of lift over 14 days).
TARGETS: tuple[tuple[State, float, float], ...] = (
    (State.SLEEPING, 0.0, 0.0065),
    (State.LOYAL, 50.0, 0.0020),
    (State.WAVERING, 40.0, 0.0264),
)
