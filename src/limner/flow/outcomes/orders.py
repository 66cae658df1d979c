"""Orders inside the window and what they brought, returns taken off.

Money of a decision = margin − benefit − contact cost, where

- paid is what the customer paid for the goods: after discounts and after the coupon;
- benefit is what our offer cost us: the coupon amount of orders that carry the offer's code, whoever used it, in either
  arm; without an amount on the order, the offer's stated benefit. An offer without a code is taken as redeemed by every
  treated customer's first order in the window;
- margin = paid + our coupon amount − cost of the goods. The coupon is added back because paid is already net of it: it
  is counted once, as benefit;
- cost of the goods = quantity × the item's cost, as the newest row of `items` before the asof says; an item without a
  cost counts as 0, and `uncosted` counts the orders it leaves too rosy.

A refund takes paid, coupon and cost of its order off pro rata (refunded / paid), whenever it comes before the asof: an
order that went back brought nothing. A refund of an order nobody knows counts in the window it falls into, at its face
value less the cost of what came back; a refund of an order outside the window is none of this decision's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from limner.flow.outcomes.base import Answer, outcome_rule
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from sqlglot import exp


RIPE = timedelta(days=7)
"""How long an order is watched for returns."""


@outcome_rule("orders")
class Orders:
    """How many orders, what was paid, refunded and earned, what the benefit cost, and whether something came back."""

    fills: ClassVar[Mapping[str, Answer]] = {
        "orders": 0,
        "uncosted": 0,
        "revenue": 0,
        "refunds": 0,
        "margin": 0,
        "benefit": 0,
        "is_ripe": False,
        "is_returned": False,
    }

    def ask(self, asof: datetime) -> exp.Query:
        """One row per decision with an order or a refund."""
        return statement(
            "limner.flow.outcomes",
            "orders.sql",
            costed=statement("limner.flow.outcomes", "costed.sql", asof=asof),
            asof=asof,
            ripe_before=asof - RIPE,
            ripe_micros=RIPE // timedelta(microseconds=1),
        )
