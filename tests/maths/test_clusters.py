import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.errors import BadInput
from limner.maths.clusters import Centres, cluster, nearest, rows_of
from limner.maths.stability import Stability, agreement, chosen_k, matched, overlap, stability

sklearn = pytest.importorskip("sklearn.cluster")


def blobs(n, d, k, seed, spread=3.0):
    rng = np.random.default_rng(seed)
    middles, label = rng.normal(0, spread, (k, d)), rng.integers(k, size=n)
    return (middles[label] + rng.normal(0, 1, (n, d))).astype(np.float32), label


def test_planted_clusters_are_found_and_no_dearer_than_the_peer_s():
    values, label = blobs(6_000, 6, 5, seed=1)
    found = cluster(rows_of(values), 5, np.random.default_rng(2))
    peer = sklearn.KMeans(5, n_init=4, random_state=2).fit(values)
    assert found.cost <= peer.inertia_ * 1.001
    assert agreement(found.labels, label) > 0.95
    means = np.array([values[found.labels == at].mean(axis=0) for at in range(5)])
    assert found.centres.means == pytest.approx(means, abs=0.05)


def test_many_rows_go_through_batches_and_come_out_as_well():
    values, label = blobs(120_000, 8, 6, seed=3)
    found = cluster(rows_of(values), 6, np.random.default_rng(1), passes=3)
    peer = sklearn.MiniBatchKMeans(6, n_init=4, random_state=2).fit(values)
    assert found.cost <= peer.inertia_ * 1.01
    assert agreement(found.labels, label) > 0.95


def test_equal_rows_and_chance_give_equal_clusters_and_ties_go_to_the_first():
    values, _ = blobs(40_000, 3, 4, seed=5)
    first, second = (cluster(rows_of(values), 4, np.random.default_rng(9)) for _ in range(2))
    assert (first.labels == second.labels).all()
    assert (first.centres.means == second.centres.means).all()
    centres = Centres(np.array([[0.0], [2.0]]), np.zeros((2, 0), np.int32), 0.5)
    assert nearest(rows_of([[1.0]]), centres)[0].tolist() == [0]


def test_words_count_beside_numbers():
    rng = np.random.default_rng(4)
    label = rng.integers(3, size=3_000)
    numbers = (label[:, None] == 1) * 5.0 + rng.normal(0, 1, (3_000, 1))
    codes = np.where(rng.random(3_000) < 0.9, label, rng.integers(3, size=3_000))[:, None]
    rows = rows_of(numbers, codes)
    found = cluster(rows, 3, np.random.default_rng(1), weight=4.0)
    assert agreement(found.labels, label) > 0.8
    assert sorted(found.centres.modes[:, 0].tolist()) == [0, 1, 2]
    numbers_only = cluster(rows_of(numbers), 3, np.random.default_rng(1))
    assert agreement(numbers_only.labels, label) < 0.7


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-999, 999), st.integers(-999, 999)), min_size=4, max_size=60),
    st.integers(1, 4),
    st.integers(0, 9),
)
def test_every_row_is_with_its_nearest_centre(points, k, seed):
    rows = rows_of(np.array(points, np.float32))
    if len({tuple(row) for row in rows.numbers.tolist()}) < k:
        with pytest.raises(BadInput, match="clusters"):
            cluster(rows, k, np.random.default_rng(seed))
        return
    found = cluster(rows, k, np.random.default_rng(seed))
    apart = ((rows.numbers[:, None].astype(np.float64) - found.centres.means[None]) ** 2).sum(axis=2)
    mine = apart[np.arange(len(rows)), found.labels]
    scale = 1 + np.abs(rows.numbers.astype(np.float64)).max() ** 2
    assert (mine <= apart.min(axis=1) + 1e-5 * scale).all()


def test_too_few_rows_are_refused():
    with pytest.raises(BadInput, match="2 different rows"):
        cluster(rows_of([[0.0], [1.0]]), 3, np.random.default_rng(1))
    with pytest.raises(BadInput, match="clusters"):
        cluster(rows_of(np.zeros((50, 2))), 2, np.random.default_rng(1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=80))
def test_agreement_equals_the_peer_s(pairs):
    metrics = pytest.importorskip("sklearn.metrics")
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    assert agreement(first, second) == pytest.approx(metrics.adjusted_rand_score(first, second), abs=1e-12)


def test_stability_tells_the_true_number_from_too_many():
    values, _ = blobs(4_000, 4, 4, seed=8, spread=6)
    rows, rng = rows_of(values), np.random.default_rng(0)
    tried = [stability(rows, k, rng) for k in (2, 4, 7)]
    assert tried[1].mean > 0.97
    assert tried[2].mean < 0.9
    assert chosen_k(tried, 0.9).k == 4
    assert chosen_k([Stability(2, 0.5, 0.4, 8), Stability(3, 0.6, 0.4, 8)], 0.9).k == 3


def test_labels_go_on_through_the_best_pairing():
    before = np.repeat(np.arange(4), 25).astype(np.int32)
    shuffled = np.array([2, 0, 3, 1], np.int32)[before]
    shuffled[:3] = 0
    assert matched(before, shuffled, 4).tolist() == [1, 3, 0, 2]
    assert matched(before[:50], np.repeat(np.arange(3, dtype=np.int32), [20, 20, 10]), 3).tolist() in (
        [0, 1, -1],
        [0, -1, 1],
    )
    assert overlap(before, shuffled).sum() == 100
