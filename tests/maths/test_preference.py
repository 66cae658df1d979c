"""Shares drawn to the base, against planted truth."""

from __future__ import annotations

import numpy as np
import pytest

from limner.maths.preference import STRONGEST, preferred, strength


@pytest.mark.parametrize("planted", [1.0, 5.0, 30.0])
def test_the_strength_that_was_planted_is_found(planted):
    rng = np.random.default_rng(4)
    base = np.array([0.5, 0.3, 0.15, 0.05])
    shares = rng.dirichlet(planted * base, 20_000)
    weights = np.array([rng.multinomial(n, p) for n, p in zip(rng.integers(2, 40, 20_000), shares, strict=True)], float)
    assert strength(weights) == pytest.approx(planted, rel=0.1)
    # the posterior is nearer to the truth than the bare shares and than the base
    error = ((preferred(weights) - shares) ** 2).mean()
    assert error < ((weights / weights.sum(axis=1, keepdims=True) - shares) ** 2).mean()
    assert error < ((base - shares) ** 2).mean()


def test_nobody_one_thing_and_all_alike():
    assert np.isnan(preferred(np.zeros((2, 3)))).all()
    assert preferred(np.array([[3.0], [0.0]]))[0, 0] == pytest.approx(1)
    assert strength(np.array([[10.0, 10.0]] * 5)) == STRONGEST
    few, many = preferred(np.array([[1.0, 0.0], [100.0, 0.0], [0.0, 101.0]]))[:2, 0]
    assert 0.5 < few < many < 1
