"""What an order earns on average, and when nobody can say."""

from datetime import timedelta
from decimal import Decimal

import pytest

from limner.flow.outcomes.margin import mean_margin
from outcome_desk import LATER, Desk

ORDERED, REFUNDED = "Order Completed", "Order Refunded"


@pytest.fixture
def desk(tmp_path):
    found = Desk(tmp_path / "shop")
    yield found
    found.stores.close()


def test_paid_less_goods_less_refunds_over_orders(desk):
    desk.events([{"item_id": "a", "cost": 30, "after": -9}, {"item_id": "b", "cost": 10, "after": -9}], table="items")
    desk.events(
        [
            {"who": 1, "name": ORDERED, "order_id": "1", "amount": 100, "after": 1},
            {"who": 2, "name": ORDERED, "order_id": "2", "amount": 60, "item_id": "b", "quantity": 2, "after": 2},
            {"who": 3, "name": ORDERED, "order_id": "3", "amount": 40, "item_id": "b", "quantity": 1, "after": 3},
            {"who": 1, "name": REFUNDED, "order_id": "1", "amount": 50, "after": 4},
            {"who": 1, "name": ORDERED, "order_id": "9", "amount": 999, "after": -400},
        ]
    )
    lines = [("a", 1), ("b", 2)]
    rows = [
        {"name": ORDERED, "order_id": "1", "item_id": i, "quantity": q, "line": n} for n, (i, q) in enumerate(lines)
    ]
    desk.events([{"who": 1, **row} for row in rows], table="lines")
    # paid 200, goods 50 + 20 + 10, a quarter went back
    assert mean_margin(desk.stores, LATER) == Decimal("30.0000")
    assert mean_margin(desk.stores, LATER - timedelta(days=365)) is None


def test_nobody_can_say_without_costs_or_orders(desk):
    assert mean_margin(desk.stores, LATER) is None
    desk.events([{"who": 1, "name": ORDERED, "order_id": "1", "amount": 100, "item_id": "x", "quantity": 1}])
    assert mean_margin(desk.stores, LATER) is None
