"""What an order earns on average: the worth of one more."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.store.stores import Stores

SPAN = timedelta(days=365)
UNCOSTED_MOST = Decimal("0.1")
"""Share of orders with goods of unknown cost from which no mean margin is given: it would be too rosy."""
_CENT = Decimal("0.0001")


def mean_margin(stores: Stores, asof: datetime) -> Decimal | None:
    """The mean margin of the orders of the year before `asof`: paid less the cost of the goods, what was refunded off
    pro rata. None without orders, or where more than a tenth of them have goods of unknown cost.
    """
    costed = statement("limner.flow.outcomes", "costed.sql", asof=asof)
    question = statement("limner.flow.outcomes", "margin.sql", since=asof - SPAN, asof=asof, costed=costed)
    (row,) = stores.lake.table(question).to_pylist()
    orders, paid = row["orders"] or 0, row["paid"] or Decimal(0)
    if not orders or paid <= 0 or (row["uncosted"] or 0) > UNCOSTED_MOST * orders:
        return None
    kept = 1 - min((row["refunded"] or Decimal(0)) / paid, Decimal(1))
    return ((paid - (row["cost"] or 0)) * kept / orders).quantize(_CENT)
