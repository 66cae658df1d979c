"""What became of the message, and whether the customer turned away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from limner.flow.outcomes.base import Answer, outcome_rule
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from sqlglot import exp


@outcome_rule("messages")
class Messages:
    """Delivered, opened and clicked belong to the decision's own touch; opt-out and complaint to the customer.

    A click or an opening is a delivery, whether or not the provider reported one. A consent withdrawn on any identifier
    of the customer inside the window is an opt-out, as is an unsubscription; both are counted in both arms.
    """

    fills: ClassVar[Mapping[str, Answer]] = {
        "is_delivered": False,
        "is_opened": False,
        "is_clicked": False,
        "is_opted_out": False,
        "is_complained": False,
    }

    def ask(self, asof: datetime) -> exp.Query:
        """One row per decision of which something was heard."""
        return statement("limner.flow.outcomes", "messages.sql", asof=asof)
