"""Parts, layers and worth of audiences, against counting customer by customer."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.core.actor import OWNER, Actor
from limner.core.errors import BadInput
from limner.core.ours import Audience
from limner.core.rule import AudienceWord, Lexicon, TagWord
from limner.flow.audiences import Ground
from limner.flow.audiences.layers import layer_problems, layers
from limner.flow.audiences.venn import venn
from limner.flow.audiences.worth import worth
from limner.store.definitions import Definitions
from limner.store.gallery import Gallery
from shop import NOW

SIZE = 2_000
A, B = np.arange(SIZE) % 10, np.arange(SIZE) % 7
LIVING = np.arange(SIZE) % 50 > 0
CALL, MAIL = np.arange(SIZE) % 13 * 10_000 - 50_000, np.arange(SIZE) % 3 - 0.25
AUDIENCES = {
    "top": Audience("top", "a < 6", layer="strategic"),
    "low": Audience("low", "a >= 5", layer="strategic"),
    "left": Audience("left", "a < 3", layer="policy", parent="top"),
    "right": Audience("right", "a in (2, 3, 7)", layer="policy", parent="top"),
    "other": Audience("other", "b == 1"),
}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    draft = Gallery(tmp_path_factory.mktemp("layers")).draft()
    draft.put_living(BitMap(np.flatnonzero(LIVING).tolist()))
    draft.put("a", A, type="int")
    draft.put("b", B, type="int")
    draft.put("call", CALL, np.arange(SIZE) % 11 > 0, type="money")
    draft.put("mail", MAIL, type="float")
    draft.put("city", ["上海"] * SIZE, type="text")
    kinds = {"a": "int", "b": "int", "call": "money", "mail": "float", "city": "text"}
    words = Lexicon(
        tags=tuple(TagWord(name, kind) for name, kind in kinds.items()),
        audiences=tuple(AudienceWord(name, None) for name in AUDIENCES),
    )
    return Ground(draft.seal("layers"), Definitions({"audiences": AUDIENCES}), words, NOW)


@pytest.mark.parametrize("many", [2, 3, 4])
def test_parts_are_what_lies_in_exactly_these_audiences(ground, many):
    rules = ["a < 5", "b >= 3", "a > 2 and b < 5", "not a == 7"][:many]
    truth = [A < 5, B >= 3, (A > 2) & (B < 5), A != 7][:many]
    found = venn(ground, rules, who=OWNER)
    assert len(found.regions) == 2**many
    assert sum(one.count for one in found.regions) == LIVING.sum()
    for one in found.regions:
        wanted = LIVING.copy()
        for rule, here in zip(rules, truth, strict=True):
            wanted &= here if rule in one.inside else ~here
        assert one.count == wanted.sum()
    assert "customers" in repr(found)


def test_small_parts_are_not_told_nor_worked_out_from_the_others(ground):
    found = venn(ground, ["a < 5", "b >= 3"], who=Actor("b", scope=BitMap(range(1, 8))), least=2)
    assert sum(one.count is None for one in found.regions) == 2
    with pytest.raises(BadInput, match="2 to 4"):
        venn(ground, ["a < 5"], who=OWNER)
    with pytest.raises(BadInput, match="5 were given"):
        venn(ground, ["a < 5"] * 5, who=OWNER)


def test_layers_tell_coverage_and_overlap(ground):
    found = layers(ground, who=OWNER)
    strategic, policy = found.layers
    assert (strategic.covered, strategic.in_several) == (LIVING.sum(), (LIVING & (A == 5)).sum())
    assert (strategic.is_in_bounds, policy.audiences) == (False, 2)
    assert [(one.id, one.depth) for one in found.branches] == [("low", 0), ("top", 0), ("left", 1), ("right", 1)]
    top, right = found.branches[1], found.branches[3]
    assert (top.covered, top.in_several) == ((LIVING & (A < 4)).sum(), (LIVING & (A == 2)).sum())
    assert right.outside == (LIVING & (A == 7)).sum()
    assert "outside its parent" in repr(found)
    assert len(found.to_dicts()) == 4


def test_wrong_layers_are_named():
    wrong = {
        "a": Audience("a", "x", layer="stategic"),
        "b": Audience("b", "x", parent="aa"),
        "c": Audience("c", "x", layer="strategic", parent="d"),
        "d": Audience("d", "x", layer="policy"),
        "e": Audience("e", "x", parent="f"),
        "f": Audience("f", "x", parent="e"),
    }
    found = "\n".join(str(one) for one in layer_problems(wrong))
    for said in ("Did you mean 'strategic'", "parent 'aa' is no audience", "layer is strategic", "e → f → e"):
        assert said in found
    assert list(layer_problems(AUDIENCES)) == []


def told(rows):
    """The best single action for some customers, in ten-thousandths."""
    call = np.where(np.arange(SIZE) % 11 > 0, CALL, 0)[rows].sum()
    mail = np.rint(MAIL[rows] * 10_000).astype(np.int64).sum()
    return max(int(call), int(mail), 0)


def test_one_more_audience_is_worth_what_it_adds(ground):
    found = worth(ground, ["a < 5", "b == 1"], ["call", "mail"], cost=Decimal(50), who=OWNER)
    first, second = LIVING & (A < 5), LIVING & ~(A < 5) & (B == 1)
    rest = LIVING & ~first & ~second
    values = [told(LIVING), told(first) + told(LIVING & ~first), told(first) + told(second) + told(rest)]
    assert [int(v * 10_000) for v in (found.start, *(one.value for one in found.additions))] == values
    assert [one.gain - 50 for one in found.additions] == [one.profit for one in found.additions]
    assert found.additions[0].customers == first.sum()
    assert "best action" in repr(found)


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(["a < 5", "b == 1", "a == 3", "call > 0", "mail < 0", "b > 3"]), min_size=1, unique=True)
)
def test_the_greedy_order_adds_most_first_and_nothing_is_lost(ground, rules):
    given_order = worth(ground, rules, ["call", "mail"], cost=Decimal(0), who=OWNER)
    greedy = worth(ground, rules, ["call", "mail"], cost=Decimal(0), who=OWNER, is_greedy=True)
    assert all(one.gain >= 0 for one in (*given_order.additions, *greedy.additions))
    assert greedy.additions[0].gain >= given_order.additions[0].gain
    assert greedy.start + sum(one.gain for one in greedy.additions) == greedy.additions[-1].value


def test_values_are_numbers(ground):
    with pytest.raises(BadInput, match="'city' is text"):
        worth(ground, ["a < 5"], ["city"], cost=Decimal(0), who=OWNER)
    with pytest.raises(BadInput, match="--values"):
        worth(ground, ["a < 5"], [], cost=Decimal(0), who=OWNER)
