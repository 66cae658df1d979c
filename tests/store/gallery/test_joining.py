"""Sets joined in blocks are the sets joined whole, and the sets they are joined from stay as they were."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.rule.tree import And, Has, Not, Or
from limner.store.gallery.joining import BLOCK, joined

LEAVES = [Has(name) for name in "abcd"]
RULES = st.recursive(
    st.sampled_from(LEAVES),
    lambda part: st.one_of(
        part.map(Not),
        st.lists(part, min_size=2, max_size=4).map(lambda parts: And(tuple(parts))),
        st.lists(part, min_size=2, max_size=4).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=12,
)


def whole(rule, sets):
    match rule:
        case And(parts):
            return np.bitwise_and.reduce([whole(part, sets) for part in parts])
        case Or(parts):
            return np.bitwise_or.reduce([whole(part, sets) for part in parts])
        case Not(part):
            return ~whole(part, sets)
    return sets[rule]


@settings(deadline=None)
@given(rule=RULES, size=st.sampled_from([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]), seed=st.integers(0, 9))
def test_blocks_are_the_whole_and_no_set_is_written_to(rule, size, seed):
    rng = np.random.default_rng(seed)
    sets = {leaf: rng.integers(0, 1 << 63, size, np.uint64) for leaf in LEAVES}
    living = rng.integers(0, 1 << 63, size, np.uint64)
    before = {leaf: words.copy() for leaf, words in sets.items()}
    assert np.array_equal(joined(rule, sets, living), whole(rule, sets) & living)
    assert all(np.array_equal(before[leaf], sets[leaf]) for leaf in LEAVES)
