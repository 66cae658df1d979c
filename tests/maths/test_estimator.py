"""The estimator keeps its promise: 2,000 replicates of the gate's own scheme, free and under limits."""

import numpy as np
import pytest

from limner.maths.arms import salt, shares
from limner.maths.lift import proportion
from limner.maths.sums import Sums
from maths.gate import Market, replicate

pytest.importorskip("tea_tasting")
REPLICATES = 2_000
LIMITS = [
    pytest.param({}, id="free", marks=pytest.mark.slow),
    pytest.param({"capacity": 4_000}, id="capacity", marks=pytest.mark.slow),
    pytest.param({"budget": 350.0}, id="budget", marks=pytest.mark.slow),
    pytest.param({"capacity": 4_500, "budget": 420.0}, id="both"),
]


def run(effect, limits, first):
    market = Market.of(8_000, 0.09, np.random.default_rng(7))
    return [replicate(market, first + seed, effect=effect, **limits) for seed in range(REPLICATES)]


@pytest.mark.parametrize("limits", LIMITS)
def test_intervals_cover_the_truth(limits):
    found = run(0.026, limits, 10_000)
    for what in ("rate", "money"):
        covered = np.mean(
            [getattr(one, what).low <= getattr(one, f"{what}_truth") <= getattr(one, what).high for one in found]
        )
        assert 0.936 <= covered <= 0.964, what
        bias = np.mean([getattr(one, what).estimate - getattr(one, f"{what}_truth") for one in found])
        assert abs(bias) < 4 * np.mean([getattr(one, what).error for one in found]) / np.sqrt(REPLICATES), what


@pytest.mark.slow
@pytest.mark.parametrize("limits", LIMITS)
def test_no_effect_is_found_one_time_in_twenty(limits):
    found = run(0.0, limits, 20_000)
    for what in ("rate", "money"):
        alarms = np.mean([getattr(one, what).excludes_zero for one in found])
        assert 0.036 <= alarms <= 0.064, what


@pytest.mark.slow
def test_an_a_a_check_over_salts():
    """A fixed outcome, nobody touched: over 4,000 salts 5 ± 1 % of the intervals exclude zero."""
    rng = np.random.default_rng(11)
    bought = rng.random(4_300) < 0.25
    numbers = np.arange(bought.size)
    alarms = 0
    for k in range(4_000):
        held = shares(numbers, salt(f"salt-{k}")) < 0.2
        arms = [Sums.given(int(arm.sum()), int(bought[arm].sum())) for arm in (~held, held)]
        alarms += proportion(*arms).excludes_zero
    assert 0.04 <= alarms / 4_000 <= 0.06


def test_comparing_with_all_held_outs_would_lie():
    """Why the gate plans hold-outs: granted against all held out shows a lift out of nothing."""
    market = Market.of(8_000, 0.09, np.random.default_rng(7))
    rng = np.random.default_rng(1)
    bought = rng.random(8_000) < market.base
    held = shares(np.arange(8_000), salt("x")) < 0.1
    granted = ~held & (np.cumsum(~held) <= 2_000)
    lie = proportion(
        Sums.given(int(granted.sum()), int(bought[granted].sum())), Sums.given(int(held.sum()), int(bought[held].sum()))
    )
    assert lie.low > 0
