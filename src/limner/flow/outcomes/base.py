"""The contract of an outcome rule: it says what happened inside the window of each decision, for some columns.

A rule is a class with `fills`, the columns of `outcomes` it answers and what they are for a decision it says nothing
of, and `ask`, a query that gives one row per decision with `decision` and those columns. It may read the tables of the
lake and three small tables handed in:

- `wanted`: decision, plan_id, number, arm, offer, moment, until_at, goal, coupon, benefit, touch_id. The window of a
  decision is [moment, until_at);
- `traced`: the same decisions, one row per trace of the customer: decision, trace, moment, until_at, goal, coupon,
  benefit, arm;
- `refusals`: trace, happened_at of consents withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

from limner.core.registry import Registry

if TYPE_CHECKING:
    from sqlglot import exp

Answer = int | bool | None


class OutcomeRule(Protocol):
    """What happened inside the window, for the columns it fills."""

    fills: ClassVar[Mapping[str, Answer]]

    def ask(self, asof: datetime) -> exp.Query:
        """One row per decision it speaks of: `decision` and the columns of `fills`; nothing past `asof` is read."""
        ...


OUTCOME_RULES: Registry[type[OutcomeRule]] = Registry("outcome rule", "limner.flow.outcomes", "limner.outcome_rules")
outcome_rule = OUTCOME_RULES.kind
