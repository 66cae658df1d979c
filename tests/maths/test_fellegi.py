"""Fellegi–Sunter against planted truth: levels drawn by known m, u and prior."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from limner.maths.blocks import cost, meet, together
from limner.maths.fellegi import Block, learn, patterns, score

M = ([0.05, 0.1, 0.85], [0.02, 0.98], [0.2, 0.1, 0.7], [0.1, 0.9])
U = ([0.96, 0.03, 0.01], [0.5, 0.5], [0.98, 0.01, 0.01], [0.995, 0.005])
SIZES = [3, 2, 3, 2]


def drawn(rng, matches, others):
    """Levels of pairs of one person, then of two, a tenth unknown."""
    sides = [
        np.stack([rng.choice(len(share), count, p=share) for share in shares], axis=1)
        for shares, count in ((M, matches), (U, others))
    ]
    levels = np.concatenate(sides).astype(np.int8)
    levels[rng.random(levels.shape) < 0.1] = -1
    return levels


@pytest.mark.parametrize("seed", range(3))
def test_planted_m_u_and_prior_are_found(seed):
    rng = np.random.default_rng(seed)
    random = patterns(drawn(rng, 800, 199_200), SIZES)
    blocks = []
    for made_of in (0, 2):
        levels = drawn(rng, 4_000, 6_000)
        levels[:, made_of] = SIZES[made_of] - 1
        blocks.append(Block(patterns(levels, SIZES), np.arange(4) != made_of))
    union = patterns(drawn(rng, 4_000, 996_000), SIZES)
    model = learn(random, blocks, union, 1_000_000.0, SIZES)
    for found, true in zip((*model.m, *model.u), (*M, *U), strict=True):
        assert np.allclose(found, true, atol=0.03)
    assert model.prior == pytest.approx(0.004, rel=0.1)


def test_scores_are_calibrated():
    rng = np.random.default_rng(9)
    blocks = [Block(patterns(drawn(rng, 4_000, 6_000), SIZES), np.ones(4, bool))]
    union_levels = drawn(rng, 5_000, 95_000)
    union = patterns(union_levels, SIZES)
    model = learn(patterns(drawn(rng, 20, 99_980), SIZES), blocks, union, 100_000.0, SIZES)
    chance = model.chance(score(union_levels, model.weights))
    truth = np.arange(chance.size) < 5_000
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.01)):
        inside = (chance >= low) & (chance < high)
        assert abs(truth[inside].mean() - chance[inside].mean()) < 0.08
    assert float(np.mean((chance - truth) ** 2)) < 0.02


def test_a_nearer_level_never_weighs_less():
    rng = np.random.default_rng(4)
    levels = rng.integers(-1, 3, (500, 4)).astype(np.int8)
    seen = patterns(np.minimum(levels, 1), [3, 3, 3, 3])
    model = learn(seen, [Block(seen, np.ones(4, bool))], seen, 1e5, [3, 3, 3, 3])
    assert all((np.diff(weight) >= -1e-9).all() for weight in model.weights)


def test_nothing_to_learn_from_gives_a_model_all_the_same():
    none = patterns(np.empty((0, 2), np.int8), [3, 2])
    model = learn(none, [], none, 1.0, [3, 2])
    assert 0 < model.prior <= 0.5
    assert all(np.isfinite(weight).all() for weight in model.weights)


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.int64, st.integers(0, 60), elements=st.integers(-1, 6)), st.integers(1, 12))
def test_rows_meet_by_their_keys(key, most):
    found = meet(key, most)
    size = {value: int((key == value).sum()) for value in set(key.tolist())}
    wanted = {
        (a, b)
        for a in range(key.size)
        for b in range(a + 1, key.size)
        if key[a] == key[b] >= 0 and size[int(key[a])] <= most
    }
    assert sorted(zip(found.low.tolist(), found.high.tolist(), strict=True)) == sorted(wanted)
    assert cost(key, most) == (len(wanted), found.crowded)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), max_size=30))
def test_keys_together_are_the_same_where_both_are(rows):
    one, other = (np.array([row[side] for row in rows], np.int64) for side in (0, 1))
    code = together([one, other])
    for a, left in enumerate(rows):
        assert (code[a] < 0) == (min(left) < 0)
        for b, right in enumerate(rows):
            assert code[a] < 0 or (code[a] == code[b]) == (left == right)
