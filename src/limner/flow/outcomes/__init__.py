"""Station 10: outcomes. `attach` says what happened inside the window of every decision, granted or held out."""

from limner.flow.outcomes.attach import VERSION, Attached, attach
from limner.flow.outcomes.base import OUTCOME_RULES, OutcomeRule, outcome_rule

__all__ = ["OUTCOME_RULES", "VERSION", "Attached", "OutcomeRule", "attach", "outcome_rule"]
