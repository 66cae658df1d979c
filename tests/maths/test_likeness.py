import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.maths.likeness import Bins, bins_of, evidence, learn
from limner.maths.ranking import auc

pytest.importorskip("sklearn")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(-100, 100)), min_size=1, max_size=80),
    st.sampled_from([np.int8, np.int16, np.int64, np.float64]),
)
def test_a_value_is_in_the_bin_of_its_edges(values, dtype):
    stored = np.array([0 if v is None else v for v in values], dtype)
    known = np.array([v is not None for v in values])
    if not known.any():
        return
    made = bins_of(stored, known, most=6)
    codes = made.codes(stored, known)
    edges = np.array(made.edges)
    for value, is_known, code in zip(stored, known, codes, strict=True):
        assert code == (np.count_nonzero(edges < value) if is_known else edges.size + 1)
    assert made.many == edges.size + 2
    assert len(made.edges) < 6 or np.unique(stored[known]).size > 6


def test_edges_learned_elsewhere_fit_narrow_columns():
    made = Bins((-1e9, 0.5, 1e9))
    assert made.codes(np.array([-127, 0, 1, 127], np.int8), None).tolist() == [1, 1, 2, 2]
    assert made.codes(np.array([False, True]), None).tolist() == [1, 2]


def test_evidence_is_drawn_to_none_where_there_are_few():
    codes = np.repeat(np.array([0, 1, 2], np.uint8), [1_000, 1_000, 2])
    is_seed = np.concatenate([np.arange(1_000) < 100, np.arange(1_000) < 400, [True, True]])
    found = evidence(codes, is_seed, 4)
    assert found[1] == pytest.approx(np.log((400 / 502) / (600 / 1_500)), abs=0.1)
    assert abs(found[2]) < 0.5
    assert abs(found[3]) < 0.2


def planted(n=20_000, seed=1, *, crossed=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, 4))
    odds = 2.5 * x[:, 0] * x[:, 1] - 2 if crossed else 1.5 * x[:, 0] - np.abs(x[:, 1]) - 1
    trait = rng.random(n) < 1 / (1 + np.exp(-odds))
    known = rng.random(n) < 0.9
    bins = [bins_of(x[:, at], known if at == 2 else np.ones(n, bool)) for at in range(4)]
    codes = [one.codes(x[:, at], known if at == 2 else None) for at, one in enumerate(bins)]
    return bins, codes, trait, rng


def test_unmarked_alike_rows_hardly_harm_the_order():
    bins, codes, trait, rng = planted()
    marked = trait & (rng.random(trait.size) < 0.3)
    aside = rng.random(trait.size) < 0.2
    made = learn(bins, codes, marked, aside, method="auto", seed=1)
    oracle = learn(bins, codes, trait, aside, method="linear", seed=1)
    assert made.trees is None
    rest = aside & ~marked
    held = [code[rest] for code in codes]
    assert auc(made.score(held), trait[rest]) > auc(oracle.score(held), trait[rest]) - 0.02
    levels = made.level(made.score(codes)).astype(int)
    assert (np.diff(made.likeness(np.arange(0, 65_536, 500))) >= 0).all()
    likeness = made.likeness(levels)
    assert likeness[marked].mean() > 0.6
    assert likeness[~trait].mean() < likeness[trait].mean()


def test_trees_are_taken_where_columns_work_together():
    bins, codes, trait, rng = planted(crossed=True)
    aside = rng.random(trait.size) < 0.2
    made = learn(bins, codes, trait, aside, method="auto", seed=1)
    assert made.trees is not None
    assert made.trees_auc > made.card_auc + 0.05
    assert learn(bins, codes, trait, aside, method="linear", seed=1).trees is None


def test_likeness_does_not_hang_on_the_sample_s_share_of_seeds():
    bins, codes, trait, rng = planted(60_000)
    aside = rng.random(trait.size) < 0.2
    whole = learn(bins, codes, trait, aside, method="linear", seed=1)
    kept = ~trait | (rng.random(trait.size) < 0.25)
    part = learn(bins, [c[kept] for c in codes], trait[kept], aside[kept], method="linear", seed=1, prior=4.0)
    mine = whole.likeness(whole.level(whole.score(codes)))
    theirs = part.likeness(part.level(part.score(codes)))
    assert np.abs(mine - theirs).mean() < 0.05
