import pytest

from limner.maths.lift import Estimate
from limner.maths.verdict import Guard, Step, Verdict, judge, next_step


def between(low, high):
    return Estimate((low + high) / 2, low, high, 0.5, 0.0, 0.0)


@pytest.mark.parametrize(
    ("lift", "money", "guard", "verdict"),
    [
        ((0.01, 0.02), (5, 9), (0.02, 0.03), Verdict.HARMFUL),
        ((-0.02, -0.01), (5, 9), (-1, 1), Verdict.HARMFUL),
        ((0.01, 0.02), (-9, -5), (-1, 1), Verdict.LOSES_MONEY),
        ((-0.01, 0.02), (5, 9), (-1, 1), Verdict.WORKS),
        ((0.01, 0.02), (-5, 9), (-1, 1), Verdict.CANNOT_TELL),
        ((0.01, 0.02), None, (-1, 1), Verdict.CANNOT_TELL),
        ((0.01, 0.02), (-9, -5), (0.02, 0.03), Verdict.HARMFUL),
    ],
)
def test_the_order_is_fixed(lift, money, guard, verdict):
    guards = [Guard("opt_out", between(*guard), 0.01)]
    assert judge(between(*lift), money and between(*money), guards) is verdict


def test_a_guardrail_within_its_bound_is_kept():
    assert not Guard("opt_out", between(0.002, 0.004), 0.01).is_breached
    assert not Guard("opt_out", between(0.002, 0.4), 0.01).is_breached


def test_every_verdict_has_a_next_step():
    assert {next_step(verdict, 5) for verdict in Verdict} == {
        Step.STOP, Step.CHEAPER_OR_NARROWER, Step.KEEP, Step.MORE_CUSTOMERS,
    }  # fmt: skip
    assert next_step(Verdict.CANNOT_TELL, None) is Step.NO_EFFECT
