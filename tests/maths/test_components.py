import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import BadInput
from limner.maths.components import components, joined

scipy_sparse = pytest.importorskip("scipy.sparse")
csgraph = pytest.importorskip("scipy.sparse.csgraph")


def by_scipy(n, a, b):
    graph = scipy_sparse.coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(n, n))
    _, group = csgraph.connected_components(graph, directed=False)
    smallest = np.full(group.max() + 1, n)
    np.minimum.at(smallest, group, np.arange(n))
    return smallest[group]


@given(st.integers(1, 60), st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=120))
def test_labels_equal_scipy_and_name_the_smallest_node(n, edges):
    a = np.array([x % n for x, _ in edges], dtype=np.int32)
    b = np.array([y % n for _, y in edges], dtype=np.int32)
    np.testing.assert_array_equal(by_scipy(n, a, b), components(n, a, b))


@pytest.mark.parametrize(("n", "m"), [(50_000, 20_000), (50_000, 50_000), (50_000, 300_000)])
def test_large_random_graphs_equal_scipy(n, m):
    rng = np.random.default_rng(m)
    a, b = rng.integers(0, n, m), rng.integers(0, n, m)
    np.testing.assert_array_equal(by_scipy(n, a, b), components(n, a, b))


def test_order_and_direction_of_edges_do_not_matter():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 9000, 8000), rng.integers(0, 9000, 8000)
    shuffled = rng.permutation(8000)
    np.testing.assert_array_equal(components(9000, a, b), components(9000, b[shuffled], a[shuffled]))


def test_a_long_chain_is_one_component():
    n = 200_000
    assert not components(n, np.arange(n - 1), np.arange(1, n)).any()
    assert not components(n, np.arange(1, n), np.arange(n - 1)).any()


def test_no_edges_and_no_nodes():
    assert components(3, [], []).tolist() == [0, 1, 2]
    assert components(0, [], []).tolist() == []


@pytest.mark.parametrize(("a", "b"), [([0], [3]), ([-1], [0]), ([0, 1], [0])])
def test_bad_edges_are_named(a, b):
    with pytest.raises(BadInput):
        components(3, a, b)


@given(st.integers(1, 40), st.data())
def test_a_batch_on_top_equals_all_at_once(n, data):
    edges = st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=60)
    old, new = (np.asarray(data.draw(edges), np.int32).reshape(-1, 2).T for _ in range(2))
    whole = np.concatenate([old, new], axis=1)
    np.testing.assert_array_equal(joined(components(n, *old), *new), components(n, *whole))


def test_a_long_chain_on_top_is_one_component():
    n = 100_000
    label = components(n, np.arange(0, n, 2), np.arange(1, n, 2))
    assert not joined(label, np.arange(1, n - 1, 2), np.arange(2, n, 2)).any()


@pytest.mark.parametrize(("a", "b"), [([0], [3]), ([-1], [0]), ([0, 1], [0])])
def test_bad_edges_on_top_are_named(a, b):
    with pytest.raises(BadInput):
        joined(components(3, [], []), a, b)
