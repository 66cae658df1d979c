"""Small counts: whatever is counted, nothing told is of a few, nor a few apart from what stands beside it."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.ours import Audience
from limner.core.rule import Lexicon, TagWord
from limner.flow.audiences import Ground, count, overlap
from limner.flow.audiences.estimate import estimate
from limner.flow.audiences.layers import layers
from limner.flow.audiences.nodes import funnel, nodes
from limner.flow.audiences.small import moved_told
from limner.flow.audiences.worth import worth
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


AUDIENCES = st.fixed_dictionaries(dict.fromkeys(("all", "one", "two", "deep"), RULES))
TREE = {"all": ("strategic", ""), "one": ("policy", "all"), "two": ("policy", "all"), "deep": ("tactical", "one")}


@given(AUDIENCES)
@settings(max_examples=150, deadline=None)
def test_no_layer_does(ground, rules):
    placed = {name: Audience(name, rules[name], layer=TREE[name][0], parent=TREE[name][1]) for name in TREE}
    own = replace(ground, definitions=Definitions({"audiences": placed}))
    found, exact = layers(own, who=OWNER, least=LEAST), layers(own, who=OWNER)
    told = {one.id: one for one in found.branches}
    for one, whole in zip(found.layers, exact.layers, strict=True):
        assert may_stand(one.covered, SIZE)
        assert may_stand(one.in_several, one.covered)
        mine = [told[name].members for name in TREE if TREE[name][0] == one.name]
        adds_up(mine, [one.covered, one.in_several], [whole.covered, whole.in_several])
    for one, whole in zip(found.branches, exact.branches, strict=True):
        above = told[placed[one.id].parent].members if placed[one.id].parent else SIZE
        assert may_stand(one.members, SIZE, above)
        assert may_stand(one.outside, one.members)
        if one.outside is not None:
            assert may_stand(one.members - one.outside, above)
        assert may_stand(one.covered, one.members)
        assert may_stand(one.in_several, one.covered, one.members)
        under = [told[name] for name in TREE if placed[name].parent == one.id]
        inside = [None if p.members is None or p.outside is None else p.members - p.outside for p in under]
        adds_up(inside, [one.covered, one.in_several], [whole.covered, whole.in_several])
    assert str(found)


def adds_up(parts, sums, exact):
    """Of parts and sums that follow from one another, never is one alone untold."""
    if len(parts) in (1, 2):
        missing = [one for one in (*parts, *sums) if one is None]
        assert len(missing) != 1
    assert all(found in (None, real) for found, real in zip(sums, exact, strict=True))


@given(st.lists(RULES, min_size=1, max_size=4, unique=True), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_audience_is_worth_what_a_few_are(ground, rules, is_greedy):
    asked = {"cost": Decimal(1), "who": OWNER, "is_greedy": is_greedy}
    found, exact = (worth(ground, rules, ["a", "b"], least=least, **asked) for least in (LEAST, 1))
    left, values = SIZE, [found.start]
    for one, real in zip(found.additions, exact.additions, strict=True):
        assert may_stand(one.customers, left)
        assert (one.customers is None) == (one.gain is None) == (one.action is None) == (one.is_worth_it is None)
        assert one.gain in (None, real.gain)
        left -= real.customers
        values.append(one.value)
    untold = [at for at, one in enumerate(found.additions) if one.gain is None]
    known = [value is not None for value in values]
    assert known == [at <= untold[0] if untold else True for at in range(len(values))]
    rest = SIZE - sum(one.customers or 0 for one in found.additions)
    assert untold or may_stand(rest)
    assert may_stand(rest)
    assert str(found)


@given(*[st.integers(0, 60)] * 4)
def test_nobody_few_comes_or_goes(stayed, came, went, gone):
    size = stayed + came
    before, *moves = moved_told(came, went, gone, size, LEAST)
    assert may_stand(before, size)
    assert may_stand(moves[0], size)
    assert may_stand(moves[1], before, moves[0])
    assert may_stand(moves[2], before)
    assert before is None or None not in moves
