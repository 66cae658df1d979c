import numpy as np
import pytest

from limner.core.errors import BadInput
from limner.maths import lift
from limner.maths.lift import Estimate, Pair, mean, proportion, ratio, sample_ratio
from limner.maths.sums import Sums

stats = pytest.importorskip("scipy.stats")


def test_a_proportion_equals_the_closed_form():
    found = proportion(Sums.given(18_000, 1548), Sums.given(2_000, 120))
    assert found.estimate == pytest.approx(1548 / 18_000 - 120 / 2_000)
    p1, p0 = 1549 / 18_002, 121 / 2_002  # Agresti and Caffo's arms
    error = (p1 * (1 - p1) / 18_002 + p0 * (1 - p0) / 2_002) ** 0.5
    assert found.low == pytest.approx(p1 - p0 - 1.959964 * error, abs=1e-8)
    assert found.p_value == pytest.approx(2 * stats.norm.sf((p1 - p0) / error))
    assert found.error == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize(
    ("n1", "n0", "p1", "p0"), [(3_530, 470, 0.141, 0.115), (900, 100, 0.1, 0.1), (450, 50, 0.04, 0.04)]
)
def test_coverage_of_a_proportion_by_counting_outcomes(n1, n0, p1, p0):
    """Not simulated: a grid of pairs of counts, weighted by their chance; the last case is all but empty."""
    covered = whole = 0.0
    treated, control = stats.binom(n1, p1), stats.binom(n0, p0)
    ones, noughts = (np.arange(int(law.ppf(1e-4)), int(law.isf(1e-4)) + 1) for law in (treated, control))
    ones = ones[:: max(1, ones.size // 40)]
    chances = np.outer(treated.pmf(ones), control.pmf(noughts))
    for i, j in np.argwhere(chances > 1e-4 * chances.max()):
        found = proportion(Sums.given(n1, int(ones[i])), Sums.given(n0, int(noughts[j])))
        whole += chances[i, j]
        covered += chances[i, j] * (found.low <= p1 - p0 <= found.high)
    assert 0.936 <= covered / whole <= 0.971


def test_a_mean_equals_welch():
    rng = np.random.default_rng(1)
    a, b = rng.exponential(30, 400).round(2), rng.exponential(25, 90).round(2)
    found = mean(Sums.of(a.tolist()), Sums.of(b.tolist()))
    welch = stats.ttest_ind(a, b, equal_var=False)
    ends = welch.confidence_interval(0.95)
    assert found.p_value == pytest.approx(welch.pvalue, rel=1e-6)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-6)


def test_few_cases_use_newcombe_as_published():
    """Newcombe 1998, table II, method 10."""
    for (k1, n1), (k0, n0), low, high in (
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ):
        found = proportion(Sums.given(n1, k1), Sums.given(n0, k0))
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_ratio_speaks_of_the_converted_only():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        arms = []
        for n, rate, back in ((4_000, 0.12, 0.10), (1_500, 0.08, 0.10)):
            bought = int(rng.binomial(n, rate))
            returned = int(rng.binomial(bought, back))
            arms.append(Pair(Sums.given(n, returned), Sums.given(n, bought), returned))
        found = ratio(*arms)
        assert found is not None
        covered += found.low <= 0 <= found.high
    assert 0.92 < covered / 400 < 0.98


def test_a_ratio_without_a_base_is_nothing():
    none, some = Sums.given(50, 0), Sums.given(50, 5)
    assert ratio(Pair(none, none, 0), Pair(none, some, 0)) is None
    assert ratio(Pair(none, some, 0), Pair(none, some, 0)) is None


def test_sample_ratio():
    assert sample_ratio(51_000, 49_000, 0.5) < 1e-9
    assert sample_ratio(9_000, 1_000, 0.1) == pytest.approx(1.0)
    assert sample_ratio(0, 0, 0.1) == 1.0
    with pytest.raises(BadInput):
        sample_ratio(1, 1, 0.0)


def test_sample_ratio_false_alarms():
    rng = np.random.default_rng(3)
    held = rng.binomial(5_000, 0.118, 1_000)
    alarms = np.mean([sample_ratio(5_000 - int(k), int(k), 0.118) < 0.01 for k in held])
    assert alarms < 0.02


def test_empty_arms_and_levels_are_named():
    with pytest.raises(BadInput, match="control arm has 0"):
        proportion(Sums.given(5, 1), Sums.given(0, 0))
    with pytest.raises(BadInput, match="strictly between"):
        proportion(Sums.given(5, 1), Sums.given(5, 1), level=1.0)
    with pytest.raises(BadInput, match="sum of squares"):
        Sums.given(2, 10, 1)


def test_nothing_varies():
    assert mean(Sums.given(5, 10, 20), Sums.given(5, 10, 20)) == Estimate(0, 0, 0, 1.0, 2, 2)
    none = proportion(Sums.given(5_000, 0), Sums.given(500, 0))
    assert none.low < 0 < none.high
    assert lift.is_sparse(Sums.given(5_000, 0), Sums.given(500, 0))


def test_sums_add_as_if_the_rows_were_together():
    rng = np.random.default_rng(4)
    values = [round(float(v), 4) for v in rng.normal(50, 20, 1_000)]
    whole, parts = Sums.of(values), Sums.of(values[:300]) + Sums.of(values[300:])
    assert whole == parts
    assert whole.variance == pytest.approx(np.var(values, ddof=1), rel=1e-12)


def test_the_variance_of_large_numbers_does_not_cancel():
    assert Sums.of([10**15, 10**15 + 1, 10**15 + 2]).variance == 1.0
