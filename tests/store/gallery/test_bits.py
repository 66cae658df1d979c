"""Packed bits and roaring bitmaps are the same sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.store.gallery import bits

SETS = st.one_of(
    st.sets(st.integers(0, 200_000), max_size=50),
    st.tuples(st.integers(0, 150_000), st.integers(1, 80_000)).map(
        lambda p: set(range(p[0], p[0] + p[1], 1 + p[1] % 3))
    ),
)


@given(SETS, st.booleans())
def test_roaring_and_words_turn_into_each_other(members, is_run):
    bitmap = BitMap(members)
    if is_run:
        bitmap.run_optimize()
    words = bits.from_bitmap(bitmap, 231_000)
    assert bits.numbers(words).tolist() == sorted(members)
    assert bits.count(words) == len(members)
    assert bits.to_bitmap(words) == BitMap(members)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 65_535, 65_536, 65_537, 100_000])
def test_sizes_at_the_edges_of_words_and_containers(size):
    answers = np.ones(size, np.bool_)
    assert bits.count(bits.pack(answers)) == size
    assert bits.count(bits.from_bitmap(BitMap(range(300_000)), size)) == size
    assert bits.unpack(bits.pack(answers), size).sum() == size
    assert bits.unpack(bits.pack(answers), size + 5).size == size + 5
    assert bits.fit(bits.pack(answers), 70_000).size == 2048
    assert bits.to_bitmap(bits.pack(answers)) == BitMap(range(size))
