import math

import numpy as np
import pytest

from limner.core.errors import BadInput
from limner.maths.lift import Estimate, proportion
from limner.maths.power import more_customers, per_arm, smallest_mean, smallest_rate
from limner.maths.sums import Sums


@pytest.mark.parametrize(
    ("base", "rate", "customers"),
    [
        (0.05, 0.065, 3781),
        (0.02, 0.026, 9799),
        (0.10, 0.085, 5857),
        (0.11, 0.30, 71),
        (0.55, 0.70, 164),
        (0.002, 0.062, 135),
        (0.048, 0.187, 84),
    ],
)
def test_sample_sizes_equal_the_published_ones(base, rate, customers):
    assert per_arm(base, rate - base) == pytest.approx(customers, abs=1)


def test_the_smallest_effect_turns_the_sample_size_around():
    for base, n in ((0.05, 3781), (0.02, 9798), (0.3, 500)):
        assert per_arm(base, smallest_rate(base, n, n)) == pytest.approx(n, abs=1)


def test_unequal_arms_find_less():
    assert smallest_rate(0.05, 9000, 1000) > smallest_rate(0.05, 5000, 5000)
    assert smallest_mean(10, 9000, 1000) > smallest_mean(10, 5000, 5000)


def test_power_is_what_it_says():
    """At the smallest effect of an 18,000 : 2,000 split, four of five experiments find it."""
    rng = np.random.default_rng(5)
    effect = smallest_rate(0.086, 18_000, 2_000)
    found = 0
    for _ in range(1_000):
        k1, k0 = rng.binomial(18_000, 0.086 + effect), rng.binomial(2_000, 0.086)
        found += proportion(Sums.given(18_000, int(k1)), Sums.given(2_000, int(k0))).low > 0
    assert 0.75 < found / 1_000 < 0.87


def test_the_empty_and_the_impossible():
    assert smallest_rate(0.05, 0, 10) == math.inf
    assert smallest_rate(0.99, 3, 3) == math.inf
    with pytest.raises(BadInput):
        per_arm(0.05, 0)
    with pytest.raises(BadInput):
        per_arm(0.9, 0.2)


def test_more_customers():
    flat = Estimate(0.0, -0.1, 0.1, 1.0, 0.1, 0.1)
    clear = Estimate(0.1, 0.05, 0.15, 0.001, 0.2, 0.1)
    assert more_customers(flat, 1000) is None
    assert more_customers(clear, 1000) == 0
    assert more_customers(Estimate(1e-9, -0.1, 0.1, 1.0, 0.1, 0.1), 1000) is None
