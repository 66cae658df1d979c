"""k-means over weighted points: one answer for one set of customers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import BadInput
from limner.maths.weighted_means import centres, nearest

POINTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 5)), min_size=1, max_size=40)


def found(points, weights, k=3):
    return centres(points, weights, k, rng=np.random.default_rng(5))


@given(POINTS, st.randoms())
def test_order_and_splitting_of_rows_change_nothing(rows, random):
    points, weights = [row[:2] for row in rows], [row[2] for row in rows]
    single = [point for point, weight in zip(points, weights, strict=True) for _ in range(weight)]
    random.shuffle(single)
    assert np.array_equal(found(points, weights), found(single, [1] * len(single)))


@given(POINTS)
def test_no_point_is_nearer_to_the_mean_of_another_group(rows):
    points, weights = np.array([row[:2] for row in rows], float), np.array([row[2] for row in rows], float)
    middle = found(points, weights)
    place = nearest(points, middle)
    for group in set(place):
        mean = np.average(points[place == group], axis=0, weights=weights[place == group])
        assert mean == pytest.approx(middle[group])


def test_planted_groups():
    rng = np.random.default_rng(1)
    true = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 9.0]])
    points = np.concatenate([centre + rng.normal(0, 0.5, (200, 2)) for centre in true])
    middle = found(points, np.ones(600))
    assert {int(i) for i in nearest(true, middle)} == {0, 1, 2}
    assert np.abs(middle[nearest(true, middle)] - true).max() < 0.2


def test_nothing_and_too_little():
    assert found(np.empty((0, 2)), []).shape == (0, 2)
    assert found([[1, 2], [1, 2]], [1, 1]).tolist() == [[1, 2]]
    with pytest.raises(BadInput, match="2 points do not go with 1 weights"):
        found([[1], [2]], [1])
