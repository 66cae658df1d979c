from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.errors import Full
from limner.maths import pairings as made
from limner.maths.pairings import baskets_of, chance, frequent, least_of, pairings

stats = pytest.importorskip("scipy.stats")


def plain(baskets):
    rows = [(at, item) for at, basket in enumerate(baskets) for item in basket]
    basket, item = zip(*rows, strict=True) if rows else ((), ())
    return baskets_of(basket, item, many=len(baskets), items=8)


LISTS = st.lists(st.lists(st.integers(0, 7), max_size=8), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(LISTS, st.integers(1, 6), st.integers(1, 4), st.sampled_from([(1 << 24, 1 << 25), (3, 10), (1, 1)]))
def test_counts_equal_those_of_going_through_everything(baskets, least, most, sizes):
    wanted = {}
    for many in range(1, most + 1):
        for items in combinations(range(8), many):
            count = sum(set(items) <= set(basket) for basket in baskets)
            if count >= least:
                wanted[items] = count
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "_PAIRS", sizes[0])
        patch.setattr(made, "_CELLS", sizes[1])
        found = frequent(plain(baskets), least, most)
    assert dict(found.sets) == wanted
    assert {at: len(place) for at, place in found.places.items()} == {k[0]: n for k, n in wanted.items() if len(k) == 1}


@settings(max_examples=80, deadline=None)
@given(LISTS, st.fractions(0, 1, max_denominator=6), st.fractions(0, 3, max_denominator=6))
def test_what_stands_on_a_bound_counts(baskets, confidence, lift):
    found = frequent(plain(baskets), 1, 3)
    kept = {(one.items, one.other) for one in pairings(found, confidence=confidence, lift=lift)}
    many = len(baskets)
    wanted = set()
    for items, both in found.sets.items():
        for other in items if len(items) > 1 else ():
            left = tuple(one for one in items if one != other)
            share = Fraction(both, found.sets[left])
            fewer = [f for size in range(1, len(left)) for f in combinations(left, size)]
            better = [Fraction(found.sets[tuple(sorted((*f, other)))], found.sets[f]) for f in fewer]
            if share >= confidence and share * many >= lift * found.sets[(other,)] and all(share > b for b in better):
                wanted.add((left, other))
    assert kept == wanted


def test_a_support_exactly_on_the_bound_counts():
    assert least_of(Fraction("0.0005"), 10_000_000) == 5_000
    assert least_of(Fraction("0.0005"), 10_000_001) == 5_001
    assert least_of(Fraction("0.001"), 3) == 1
    assert least_of(Fraction("0.29"), 100) == 29


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 400), st.data())
def test_chance_is_that_of_fisher_s_exact_test(many, drawn):
    first = drawn.draw(st.integers(1, many))
    second = drawn.draw(st.integers(1, many))
    both = drawn.draw(st.integers(max(0, first + second - many), min(first, second)))
    found = float(chance(np.array([both]), np.array([first]), np.array([second]), many)[0])
    if both * many <= first * second:
        assert found == 1.0
        return
    table = [[both, first - both], [second - both, many - first - second + both]]
    assert found == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue, rel=1e-6, abs=1e-12)


def test_large_counts_have_a_chance_too():
    found = chance(np.array([52_000, 60_000]), np.array([500_000] * 2), np.array([1_000_000] * 2), 10_000_000)
    peer = stats.hypergeom.sf(51_999, 10_000_000, 500_000, 1_000_000)
    assert found[0] == pytest.approx(peer, rel=1e-4)
    assert found[1] < 1e-200


def test_only_what_is_planted_stands_out():
    rng = np.random.default_rng(3)
    baskets = [set(rng.choice(8, size=3, replace=False).tolist()) for _ in range(4_000)]
    for basket in baskets:
        if 0 in basket and rng.random() < 0.5:
            basket.add(1)
    found = pairings(frequent(plain(baskets), 20, 2), confidence=Fraction(0), lift=Fraction(1))
    clear = {(one.items, one.other) for one in found if one.is_clear}
    assert clear == {((0,), 1), ((1,), 0)}
    first = found[0]
    assert first.lift == pytest.approx(first.confidence / (first.with_other / first.many))
    assert first.leverage == pytest.approx(first.support - first.with_items * first.with_other / first.many**2)


def test_only_one_s_others_are_said_something_of():
    found = frequent(plain([[0, 1, 2]] * 5 + [[3]] * 5), 1, 3)
    assert {one.other for one in pairings(found, confidence=Fraction(0), lift=Fraction(1), others={2})} == {2}
    assert pairings(frequent(plain([[]]), 1, 3), confidence=Fraction(0), lift=Fraction(0)) == ()


def test_too_many_sets_are_refused(monkeypatch):
    monkeypatch.setattr(made, "MOST_SETS", 20)
    with pytest.raises(Full, match="Raise `support`"):
        frequent(plain([list(range(8))]), 1, 4)
