"""Joining: what pairs make of identifiers, in arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.kinds import IdentifierKind
from limner.core.settings import IdentitySettings
from limner.flow.identity.base import Pairs, Seen
from limner.flow.identity.joining import REASONS, Evidence, join
from limner.flow.identity.separate import Marks

STRONG = IdentifierKind("unionid", 20, is_person=True, is_platform=True)
WEAK = IdentifierKind("tmall_nick", 40, "weak", is_person=True)
DEVICE = IdentifierKind("cookie", 92, "device")
ISSUED = IdentifierKind("member_no", 10, "authoritative", is_person=True)
PHONE = IdentifierKind("phone", 30, form="phone", is_person=True, changes_hands=True)
CARD = IdentifierKind("id_card", 32, form="token", is_person=True, is_verified=True)
KINDS = (STRONG, WEAK, DEVICE, ISSUED, PHONE, CARD)
WIDE = IdentitySettings(identifiers_per_customer=1000, customers_per_identifier=1000)
DAY = 86_400_000_000
NOTHING = np.empty(0, np.int64)


def pairs_of(edges):
    found = sorted({(min(e), max(e)) for e in edges if e[0] != e[1]})
    return Pairs(*(np.asarray([p[i] for p in found], np.int32) for i in (0, 1)))


def evidence(together, moments=None, apart=(), alike=()):
    """Moments in days by pair: one for first and last, or both."""
    known = {pair: (m, m) if isinstance(m, int) else m for pair, m in (moments or {}).items()}
    rows = sorted((low, high) for low, high in zip(together.low.tolist(), together.high.tolist(), strict=True))
    ends = [np.asarray([r[i] for r in rows], np.int32) for i in (0, 1)]
    first, last = (np.asarray([known.get(r, (0, 0))[i] * DAY for r in rows], np.int64) for i in (0, 1))

    def firsts(low, high):
        return np.asarray(
            [known.get((a, b), (0, 0))[0] * DAY for a, b in zip(low.tolist(), high.tolist(), strict=True)]
        )

    def sightings(traces):
        mine = np.isin(ends[0], traces) | np.isin(ends[1], traces)
        return ends[0][mine], ends[1][mine], first[mine], last[mine]

    places = np.asarray([t for one in apart for side in one for t in side], np.int32)
    keys = np.asarray([k for k, one in enumerate(apart, 1) for side in one for _ in side], np.int64)
    sides = np.asarray([s for one in apart for s, side in enumerate(one) for _ in side], np.int64)
    return Evidence(sightings, firsts, Marks(places, keys, sides), pairs_of(alike))


def joined(codes, edges, limits=WIDE, **known):
    seen = Seen(np.arange(len(codes), dtype=np.int32), np.asarray(codes, np.int16), KINDS)
    together = pairs_of(edges)
    return join(seen, together, limits, evidence(together, **known))


def groups(found):
    label = found.label.tolist()
    return sorted(sorted(i for i, root in enumerate(label) if root == one) for one in set(label))


def cuts(found):
    rows = zip(found.cuts.place.tolist(), found.cuts.beside.tolist(), found.cuts.reason.tolist(), strict=True)
    return sorted((place, beside, REASONS[reason]) for place, beside, reason in rows)


S, W, D, M, P, C = range(6)


def test_two_members_who_share_a_phone_stay_two():
    found = joined([M, P, M], [(0, 1), (1, 2)], moments={(0, 1): 5, (1, 2): 9})
    assert groups(found) == [[0, 1], [2]]
    assert cuts(found) == [(1, 2, "authoritative")]
    assert found.part.tolist() == [0, 0, 0]


def test_the_earlier_record_keeps_the_phone_whatever_the_numbers():
    assert groups(joined([M, P, M], [(0, 1), (1, 2)], moments={(0, 1): 9, (1, 2): 5})) == [[0], [1, 2]]


def test_a_long_weak_chain_brings_two_members_together_nowhere():
    found = joined([M, S, D, W, S, M], [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)])
    assert groups(found) == [[0, 1, 2], [3, 4, 5]]  # of two weak pairs with a device the later numbers give way


def test_a_record_that_names_two_members_joins_them_not():
    assert groups(joined([M, M], [(0, 1)])) == [[0], [1]]


def test_two_id_cards_are_two_people():
    found = joined([S, C, C], [(0, 1), (0, 2)])
    assert groups(found) == [[0, 1], [2]]
    assert cuts(found) == [(0, 2, "verified")]


def test_a_shop_phone_on_ten_thousand_records_merges_nobody():
    codes = [P] + [M, S] * 10_000
    edges = [(0, i) for i in range(1, 20_001, 2)] + [(i, i + 1) for i in range(1, 20_001, 2)]
    found = joined(codes, edges, IdentitySettings())
    assert np.bincount(found.label).max() == 2
    assert set(found.cuts.place.tolist()) == {0}
    assert found.cuts.place.size == 10_000


def test_a_phone_that_rested_belongs_to_the_later():
    moments = {(0, 1): (0, 30), (1, 2): (130, 150), (1, 3): (10, 20)}
    found = joined([M, P, M, S], [(0, 1), (1, 2), (1, 3)], moments=moments)
    assert groups(found) == [[0], [1, 2], [3]]
    assert cuts(found) == [(0, 1, "changed_hands"), (1, 3, "changed_hands")]


def test_a_phone_that_did_not_rest_long_enough_stays_with_the_earlier():
    found = joined([M, P, M], [(0, 1), (1, 2)], moments={(0, 1): (0, 30), (1, 2): (119, 150)})
    assert groups(found) == [[0, 1], [2]]


def test_a_third_who_kept_using_it_bridges_the_rest():
    moments = {(0, 1): (0, 30), (1, 2): (130, 150), (1, 3): (20, 125)}
    assert groups(joined([M, P, M, M], [(0, 1), (1, 2), (1, 3)], moments=moments)) == [[0, 1], [2], [3]]


def test_a_phone_changes_hands_twice():
    moments = {(0, 3): 0, (1, 3): 100, (2, 3): 200}
    assert groups(joined([M, M, M, P], [(0, 3), (1, 3), (2, 3)], moments=moments)) == [[0], [1], [2, 3]]


def test_what_is_set_apart_stays_apart():
    edges = [(0, 1), (1, 2), (0, 2), (2, 3)]
    assert groups(joined([S, W, S, W], edges)) == [[0, 1, 2, 3]]
    found = joined([S, W, S, W], edges, apart=[((2,), (0, 1))])
    assert groups(found) == [[0, 1], [2, 3]]
    assert {reason for _, _, reason in cuts(found)} == {"apart"}


def test_likeness_joins_under_the_same_guards():
    codes = [W, W, M, M, S, W]
    assert groups(joined(codes, [(0, 2), (1, 3)], alike=[(0, 5)])) == [[0, 2, 5], [1, 3], [4]]
    assert groups(joined(codes, [(0, 2), (1, 3)], alike=[(0, 1)])) == [[0, 2], [1, 3], [4], [5]]
    found = joined(codes, [(0, 2)], alike=[(2, 4)])
    assert groups(found) == [[0, 2], [1], [3], [4], [5]]
    assert cuts(found) == [(2, 4, "platform")]


def plain_components(traces, pairs):
    label = {t: t for t in traces}
    changed = True
    while changed:
        changed = False
        for a, b in pairs:
            low = min(label[a], label[b])
            if label[a] != low or label[b] != low:
                label[a] = label[b] = low
                changed = True
    return [label[t] for t in traces]


EDGES = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60)


@settings(max_examples=100, deadline=None)
@given(EDGES)
def test_joining_equals_plain_union(edges):
    found = joined([S] * 30, edges)
    assert found.label.tolist() == plain_components(range(30), edges)
    assert not found.cuts.place.size


@settings(max_examples=60, deadline=None)
@given(EDGES, st.integers(1, 6))
def test_no_customer_grows_beyond_the_limit(edges, most):
    limits = IdentitySettings(identifiers_per_customer=most, customers_per_identifier=3)
    assert np.bincount(joined([S, W, D] * 10, edges, limits).label).max() <= most


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([S, W, D, M, P, C]), min_size=30, max_size=30),
    EDGES,
    st.lists(st.tuples(st.sets(st.integers(0, 14), min_size=1), st.sets(st.integers(15, 29), min_size=1)), max_size=3),
    st.randoms(use_true_random=False),
)
def test_no_contradiction_and_no_order(codes, edges, apart, chance):
    moments = {(min(e), max(e)): chance.randint(0, 400) for e in edges}
    found = joined(codes, edges, moments=moments, apart=apart)
    for group in groups(found):
        assert sum(codes[i] == M for i in group) <= 1
        assert sum(codes[i] == C for i in group) <= 1
        assert not any(one & set(group) and other & set(group) for one, other in apart)
    shuffled = list(edges)
    chance.shuffle(shuffled)
    again = joined(codes, shuffled, moments=moments, apart=apart)
    assert (again.label == found.label).all()
    assert cuts(again) == cuts(found)
    # every pair either joins or is cut
    label, gone = found.label, {tuple(sorted(row[:2])) for row in cuts(found)}
    assert all((label[a] == label[b]) or ((min(a, b), max(a, b)) in gone) for a, b in edges)


@pytest.mark.parametrize("size", [0, 1])
def test_nobody_or_one(size):
    assert joined([M] * size, []).label.tolist() == list(range(size))
