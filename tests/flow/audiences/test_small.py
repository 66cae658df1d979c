"""Small counts: whatever is counted, nothing told is of a few, nor a few apart from what stands beside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.rule import Lexicon, TagWord
from limner.flow.audiences import Ground, count, overlap
from limner.flow.audiences.estimate import estimate
from limner.flow.audiences.nodes import funnel, nodes
from limner.store.definitions import Definitions
from limner.store.gallery import Gallery
from shop import NOW

SIZE, LEAST = 400, 10
LEAF = st.builds("{} {} {}".format, st.sampled_from("ab"), st.sampled_from(["<", ">=", "=="]), st.integers(0, 60))
RULES = st.recursive(
    LEAF, lambda part: st.builds("({} {} {})".format, part, st.sampled_from(["and", "or"]), part), max_leaves=4
)


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    rng = np.random.default_rng(5)
    draft = Gallery(tmp_path_factory.mktemp("small")).draft()
    draft.put_living(BitMap(range(SIZE)))
    draft.put("a", rng.integers(0, 60, SIZE), type="int")
    draft.put("b", rng.poisson(2, SIZE), type="int")
    draft.put("is_identified", rng.random(SIZE) < 0.9, type="bool")
    draft.put("reach.sms", rng.random(SIZE) < 0.5, type="bool")
    words = Lexicon((TagWord("a", "int"), TagWord("b", "int"), TagWord("is_identified", "bool")))
    return Ground(draft.seal("small"), Definitions({}), words, NOW)


def may_stand(found, *beside):
    return found is None or not any(0 < abs(found - other) < LEAST for other in (0, *beside) if other is not None)


@given(RULES)
@settings(max_examples=80, deadline=None)
def test_no_count_parts_off_a_few(ground, rule):
    found = count(ground, rule, who=OWNER, least=LEAST)
    exact = count(ground, rule, who=OWNER)
    assert found.count in (None, exact.count)
    assert may_stand(found.count, SIZE)
    assert may_stand(found.identified, found.count)
    assert may_stand(found.anonymous, found.count)
    assert may_stand(found.reachable["sms"], found.count)
    assert estimate(ground, rule, who=OWNER, least=LEAST).count == found.count
    tree = nodes(ground, rule, who=OWNER, least=LEAST).root
    for node in tree.walk():
        assert may_stand(node.count, SIZE)
        for part in node.parts:
            assert may_stand(part.count, node.count)
    assert tree.count == found.count


@given(st.lists(LEAF, min_size=1, max_size=5))
@settings(max_examples=80, deadline=None)
def test_no_step_of_a_funnel_does(ground, parts):
    told = funnel(ground, " and ".join(parts), who=OWNER, least=LEAST)
    every = funnel(ground, " and ".join(parts), who=OWNER)
    before = SIZE
    for step, exact in zip(told.steps, every.steps, strict=True):
        assert may_stand(step.left, before, SIZE)
        assert may_stand(step.dropped)
        assert may_stand(step.alone, SIZE, step.left)
        assert may_stand(step.without, told.steps[-1].left)
        assert (step.left, step.dropped) == (
            exact.left if step.left is not None else None,
            exact.dropped if step.dropped is not None else None,
        )
        before = step.left


@given(st.lists(RULES, min_size=2, max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_overlap_does(ground, rules):
    found = overlap(ground, rules, who=OWNER, least=LEAST)
    for i in range(len(rules)):
        assert may_stand(found.shared[i][i], SIZE)
        for j in range(len(rules)):
            assert may_stand(found.shared[i][j], found.shared[i][i], found.shared[j][j])
            assert found.shared[i][j] == found.shared[j][i]
    assert str(found)
    assert all(row["share"] is None or 0 <= row["share"] <= 1 for row in found.to_dicts())


def test_where_nothing_is_asked_for_all_is_told(ground):
    found = count(ground, "a == 1 and b == 2", who=OWNER)
    assert None not in (found.count, found.identified, found.anonymous, *found.reachable.values())
    assert "–" in repr(count(ground, "a == 1 and b == 2", who=OWNER, least=50))
