"""TGI: exact cases, and the coverage of its interval against planted truth."""

import math

import numpy as np
import pytest

from limner.maths.tgi import Share, clear, tgi


def test_a_base_against_itself_is_100_without_doubt():
    share = Share(40, 100)
    index = tgi(share, share, share)
    assert (index.tgi, index.low, index.high, index.p_value) == (100, 100, 100, 1)


def test_separate_groups_have_the_interval_of_katz():
    index = tgi(Share(30, 100), Share(20, 200), Share(0, 0))
    error = math.sqrt(0.7 / 30 + 0.9 / 20)
    assert index.tgi == pytest.approx(300)
    assert index.low == pytest.approx(300 * math.exp(-1.959964 * error), rel=1e-6)
    assert index.high == pytest.approx(300 * math.exp(1.959964 * error), rel=1e-6)


@pytest.mark.parametrize("group", [Share(3, 3), Share(2, 29), Share(0, 40)])
def test_three_persons_support_no_index(group):
    index = tgi(group, Share(100, 1000), group)
    assert not index.is_supported
    assert index.low < index.high


def test_no_case_in_the_group_is_zero_with_an_upper_end():
    index = tgi(Share(0, 500), Share(100, 1000), Share(0, 500))
    assert (index.tgi, index.low) == (0, 0)
    assert 0 < index.high < 20
    assert index.p_value < 0.05


def test_a_base_without_a_case_says_nothing():
    index = tgi(Share(0, 50), Share(0, 100), Share(0, 50))
    assert (index.low, index.high, index.is_supported) == (0, math.inf, False)


@pytest.mark.parametrize(("p_in", "p_out"), [(0.3, 0.1), (0.05, 0.05), (0.6, 0.9)])
def test_the_interval_covers_the_truth_in_95_of_100(p_in, p_out):
    rng = np.random.default_rng(7)
    n_in, n_out, runs = 400, 1600, 4000
    truth = 100 * p_in / ((n_in * p_in + n_out * p_out) / (n_in + n_out))
    hits = 0
    for inside, outside in zip(rng.binomial(n_in, p_in, runs), rng.binomial(n_out, p_out, runs), strict=True):
        group = Share(int(inside), n_in)
        index = tgi(group, Share(int(inside + outside), n_in + n_out), group)
        hits += index.low <= truth <= index.high
    assert hits / runs == pytest.approx(0.95, abs=0.012)


def test_false_discoveries_are_held_when_nothing_differs():
    rng = np.random.default_rng(3)
    runs = [any(clear(rng.uniform(size=100).tolist())) for _ in range(500)]
    assert np.mean(runs) == pytest.approx(0.05, abs=0.03)
    assert clear([]) == []
