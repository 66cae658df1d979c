"""One word on a campaign, and the next step.

The order is fixed: harmful (a guardrail is worse than its bound, or the lift is below zero, beyond doubt), loses money
(the money is below zero beyond doubt), works (above zero beyond doubt), else cannot tell. "Beyond doubt" means that the
whole interval lies on that side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from limner.maths.lift import Estimate


class Verdict(StrEnum):
    """The word; display text in each language is keyed by it."""

    HARMFUL = "harmful"
    LOSES_MONEY = "loses_money"
    WORKS = "works"
    CANNOT_TELL = "cannot_tell"


class Step(StrEnum):
    """What to do next; display text in each language is keyed by it."""

    STOP = "stop"
    CHEAPER_OR_NARROWER = "cheaper_or_narrower"
    KEEP = "keep"
    MORE_CUSTOMERS = "more_customers"
    NO_EFFECT = "no_effect"
    WAIT = "wait"
    KEEP_HOLD_OUT = "keep_hold_out"
    CHECK_ARMS = "check_arms"


@dataclass(frozen=True, slots=True)
class Guard:
    """A guardrail: the difference of a bad share between the arms, and how much of it is accepted."""

    name: str
    found: Estimate
    bound: float = 0.0

    @property
    def is_breached(self) -> bool:
        return self.found.low > self.bound


def judge(lift: Estimate, money: Estimate | None, guards: Iterable[Guard] = ()) -> Verdict:
    """The verdict on a lift, its money and its guardrails.

    >>> up = Estimate(0.02, 0.01, 0.03, 0.001, 0.14, 0.12)
    >>> loss = Estimate(-900, -1500, -300, 0.01, 0, 0)
    >>> [judge(up, money).value for money in (loss, loss.times(-1), None)]
    ['loses_money', 'works', 'cannot_tell']
    """
    if lift.high < 0 or any(guard.is_breached for guard in guards):
        return Verdict.HARMFUL
    if money is not None and money.high < 0:
        return Verdict.LOSES_MONEY
    if money is not None and money.low > 0:
        return Verdict.WORKS
    return Verdict.CANNOT_TELL


def next_step(verdict: Verdict, more: int | None = None) -> Step:
    """What to do about a verdict; `more` is how many more customers would decide it (None: no number would).

    >>> next_step(Verdict.CANNOT_TELL, 4_000).value, next_step(Verdict.LOSES_MONEY).value
    ('more_customers', 'cheaper_or_narrower')
    """
    match verdict:
        case Verdict.HARMFUL:
            return Step.STOP
        case Verdict.LOSES_MONEY:
            return Step.CHEAPER_OR_NARROWER
        case Verdict.WORKS:
            return Step.KEEP
        case Verdict.CANNOT_TELL:
            return Step.NO_EFFECT if more is None else Step.MORE_CUSTOMERS
