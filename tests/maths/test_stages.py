"""Moves between stages: counted exactly, and forecasts whose intervals hold what comes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from limner.maths.stages import forecast, moves, shares

STAGES = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), max_size=60)


@given(STAGES)
def test_everybody_who_stands_after_is_counted_once(pairs):
    before, after = [a for a, _ in pairs], [b for _, b in pairs]
    counts, entered = moves(before, after, 4)
    for stage in range(4):
        assert counts[:, stage].sum() + entered[stage] == after.count(stage)
    assert np.allclose(shares(counts).sum(axis=1), 1)


def test_a_forecast_keeps_customers_and_adds_those_who_enter():
    counts = np.array([[6, 4], [0, 10]])
    on = forecast([100, 0], counts, np.array([20, 0]), 2, 3, rng=np.random.default_rng(0))
    assert np.allclose(on.expected.sum(axis=1), [110, 120, 130])
    assert np.allclose(on.expected[0], [70, 40])
    assert (on.low <= on.expected).all()
    assert (on.expected <= on.high).all()


def test_intervals_hold_what_comes_about_as_often_as_they_say():
    """Chains drawn from known chances, learned from a part of them: 95 % of what follows lies inside."""
    rng, inside, told = np.random.default_rng(5), 0, 0
    chances = np.array([[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.02, 0.0, 0.98]])
    for _ in range(60):
        path = [rng.integers(0, 3, 400)]
        for _ in range(2):
            path.append((rng.random(400)[:, None] > chances.cumsum(axis=1)[path[-1]]).sum(axis=1))
        counts, entered = moves(path[0], path[1], 3)
        on = forecast(np.bincount(path[1], minlength=3), counts, entered, 1, 1, rng=rng)
        came = np.bincount(path[2], minlength=3)
        inside += int(((on.low[0] <= came) & (came <= on.high[0])).sum())
        told += 3
    assert 0.88 <= inside / told <= 1
