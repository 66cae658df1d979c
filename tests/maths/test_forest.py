"""Shares of an answer add up, and are the Shapley values by their definition."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from limner.flow.models.propensity import Propensity
from limner.maths.forest import read

pytest.importorskip("sklearn")
FEATURES = 5


@pytest.fixture(scope="module")
def learned():
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(3_000, FEATURES)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[:, 4] = 1.0  # nothing can be learned from it
    odds = np.nan_to_num(rows[:, 0]) + np.nan_to_num(rows[:, 1]) * np.nan_to_num(rows[:, 2]) - np.isnan(rows[:, 3])
    answers = rng.random(3_000) < 1 / (1 + np.exp(-odds))
    return Propensity().fit(rows, answers, seed=1, options={"max_iter": 12}), rows


def test_the_trees_are_those_that_score(learned):
    model, rows = learned
    forest = read(model.forest().body())
    assert 1 / (1 + np.exp(-forest.raw(rows))) == pytest.approx(model.score(rows), abs=1e-12)


def test_shares_add_up_to_the_distance_from_the_average(learned):
    model, rows = learned
    forest, others = model.forest(), rows[100:400]
    for row in rows[:20]:
        shares = forest.shares(row, others)
        assert shares.sum() == pytest.approx(forest.raw(row[None, :])[0] - forest.raw(others).mean(), abs=1e-9)
        assert shares[4] == 0


def test_shares_are_shapley_values(learned):
    model, rows = learned
    forest, others = model.forest(), rows[50:57]

    def worth(known, row):
        mixed = others.astype(np.float64)
        mixed[:, list(known)] = row[list(known)]
        return forest.raw(mixed).mean()

    for row in rows[:4].astype(np.float64):
        for feature in range(FEATURES):
            rest = [other for other in range(FEATURES) if other != feature]
            total = sum(
                factorial(size) * factorial(FEATURES - size - 1) / factorial(FEATURES)
                * (worth((*known, feature), row) - worth(known, row))
                for size in range(FEATURES)
                for known in combinations(rest, size)
            )  # fmt: skip
            assert forest.shares(row, others)[feature] == pytest.approx(total, abs=1e-9)


def test_a_row_that_is_the_average_has_no_shares(learned):
    model, rows = learned
    assert model.forest().shares(rows[3], rows[3:4]).tolist() == [0.0] * FEATURES
