"""Whether, and when, the campaign's goal event happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from limner.flow.outcomes.base import Answer, outcome_rule
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from sqlglot import exp


@outcome_rule("goal")
class Goal:
    """Converted: the goal event happened at least once; `converted_at` is the first time."""

    fills: ClassVar[Mapping[str, Answer]] = {"is_converted": False, "converted_at": None}

    def ask(self, asof: datetime) -> exp.Query:
        """One row per decision whose goal was reached."""
        return statement("limner.flow.outcomes", "goal.sql", asof=asof)
