"""Sets through time: any history of moves adds up to the difference of its ends."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.flow.audiences.saved import Moved, carried, moved, together

sets = st.sets(st.integers(0, 12)).map(BitMap)
EVERYBODY = BitMap(range(13))


@given(st.lists(sets, min_size=1, max_size=8))
def test_moves_one_after_the_other_are_the_difference_of_the_ends(history):
    moves = [moved(old, new, EVERYBODY, {}) for old, new in pairwise(history)]
    found = together(moves, EVERYBODY, {})
    assert found == Moved(history[-1] - history[0], history[0] - history[-1], 0)


@given(sets, sets, st.dictionaries(st.integers(0, 12), st.integers(0, 12)))
def test_nobody_is_lost_or_made_up_by_merges(members, living, passed_on):
    found = carried(members, living, passed_on)
    assert members & living <= found
    assert len(found) <= len(members)


def test_a_merge_moves_nobody_and_an_erasure_is_told_apart():
    living = BitMap([1, 3, 4])
    assert moved(BitMap([2, 3, 5]), BitMap([1, 3]), living, {2: 1}) == Moved(BitMap(), BitMap(), 1)
    first = Moved(BitMap([2]), BitMap(), 0)
    assert together([first], living, {2: 1}) == Moved(BitMap([1]), BitMap(), 0)
    assert together([first, Moved(BitMap(), BitMap([1]), 0)], living, {2: 1}) == Moved(BitMap(), BitMap(), 0)
