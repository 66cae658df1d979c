"""The matcher for persons: what a Chinese record says, and what it must never do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.errors import BadDefinition
from limner.flow.identity.definition import Matching
from limner.flow.identity.matching import digits, names, places
from limner.flow.identity.matching.base import Records
from limner.flow.identity.matching.joining import joinable
from limner.flow.identity.matching.persons import persons

BASE = [
    (f"{s}{g}", f"19{50 + (i * 7 + j * 3) % 45}-{1 + (i + j) % 12:02}-{1 + (i * 5 + j) % 28:02}",
     f"1{30 + (i * j) % 60}{i:04}{j:04}", f"人民路{i * 20 + j}号{j}室")
    for i, s in enumerate("王李张刘陈杨黄赵吴周徐孙马朱胡")
    for j, g in enumerate(["伟", "芳", "秀英", "敏", "静", "丽娟", "强", "磊", "洋", "艳", "晓明", "军", "杰"])
]  # fmt: skip


def card(first: str) -> str:
    return first + digits.check_digit(first)


def pair(one, other, *, least=1e-9, **roles):
    """The evidence and the probability of two records among two hundred ordinary ones; None: not proposed."""
    names_of = ("name", "birth_date", "phone", "address")
    rows = [dict(zip(names_of, row, strict=True)) for row in BASE] + [one, other]
    columns = {role: pa.array([row.get(role) for row in rows], pa.string()) for role in (*names_of, "id_card", "email")}
    records = Records(np.arange(len(rows), dtype=np.int32), columns)
    matching = Matching("m", roles={role: role for role in columns}, propose_above=least)
    found = persons(records, matching, rng=np.random.default_rng(1))
    at = np.flatnonzero((found.low == len(BASE)) & (found.high == len(BASE) + 1))
    return (found.evidence(int(at[0])), float(found.probability[at[0]])) if at.size else None


def test_a_name_by_sound_by_look_and_with_parts_swapped():
    same = {"birth_date": "1988-02-03", "phone": "138****1234"}
    for other, level in (("欧阳晓敏", "sounds alike"), ("欧阳晓朋", "looks alike"), ("欧阳小明", "sounds alike")):
        evidence, chance = pair({"name": "欧阳晓明", **same}, {"name": other, **same})
        assert evidence["given_name"][0] == level
        assert chance > 0.9
    evidence, _ = pair({"name": "孟浩然", **same}, {"name": "浩然孟", **same})
    assert evidence["given_name"][0] == "swapped"
    assert "surname" not in evidence


def test_a_masked_phone_agrees_with_the_whole_one_and_alone_proves_nothing():
    evidence, _ = pair({"name": "孟浩然", "phone": "13812341234"}, {"name": "孟浩然", "phone": "138****1234"})
    assert evidence["phone"][0] == "same as far as shown"
    evidence, _ = pair({"name": "孟浩然", "phone": "+86 138 1234 1234"}, {"name": "孟浩然", "phone": "1234"})
    assert evidence["phone"][0] == "same tail"
    assert pair({"phone": "138****1234"}, {"phone": "13812341234", "name": "诸葛亮"}, least=0.5) is None


def test_two_valid_cards_that_differ_are_never_one_person():
    one, other = card("31011519900307002"), card("31011519900307003")
    same = {"name": "孟浩然", "birth_date": "1990-03-07", "phone": "13812341234", "address": "解放路7号"}
    assert pair({**same, "id_card": one}, {**same, "id_card": other}) is None
    evidence, chance = pair({**same, "id_card": one}, {**same, "id_card": one[:10] + "1" + one[11:]})
    assert evidence["id_card"][0] == "one slip"
    assert chance > 0.99
    assert pair({**same, "id_card": "#aa"}, {**same, "id_card": "#bb"}) is None
    assert pair({**same, "id_card": "#aa"}, {**same, "id_card": "#aa"})[1] > 0.99


def test_a_card_says_the_birth_date_where_nobody_did():
    one = card("31011519900307002")
    evidence, _ = pair({"name": "孟浩然", "id_card": one}, {"name": "孟浩然", "birth_date": "1990年3月7日"})
    assert evidence["birth_date"][0] == "same"


def test_hidden_digits_of_a_card():
    one = card("31011519900307002")
    evidence, _ = pair({"name": "孟浩然", "id_card": one}, {"name": "孟浩然", "id_card": one[:6] + "*" * 8 + one[14:]})
    assert evidence["id_card"][0] == "same as far as shown"
    evidence, _ = pair({"name": "孟浩然", "id_card": one}, {"name": "孟浩然", "id_card": one[-4:]})
    assert evidence["id_card"][0] == "same tail"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("上海市人民路１２号３栋５０１室", "上海人民路12号3幢501"),
        ("中山北路二百一十二号", "中山北路212号"),
        ("长宁路十号", "长宁路10号"),
        ("Rose Court 6", "6, rose court"),
    ],
)
def test_addresses_are_read_alike(one, other):
    assert places.house(places.address(one)) == places.house(places.address(other))


@settings(max_examples=200, deadline=None)
@given(
    st.from_regex("[1-6][0-9]{5}19[4-9][0-9](0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}", fullmatch=True), st.data()
)
def test_one_wrong_digit_of_a_card_is_always_seen(first, data):
    whole = card(first)
    assert digits.is_valid(whole)
    place = data.draw(st.integers(0, 16))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != whole[place]]))
    assert not digits.is_valid(whole[:place] + wrong + whole[place + 1 :])


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20))
def test_any_text_has_a_form(raw):
    parted = names.parted(raw)
    assert names.look(parted.given) is not None
    assert isinstance(names.sound(parted.surname), str)
    card = digits.card(raw)
    assert len(card) in (0, digits.CARD) or card.startswith("#")
    digits.phone(raw)
    places.house(places.address(raw))
    places.city(raw)


def test_a_chain_does_not_join_what_a_pair_may_not():
    owner = np.array([7, -1, 8, -1])
    assert joinable([(0, 1), (1, 2), (2, 3)], owner=owner).tolist() == [True, False, True]
    assert joinable([(0, 1), (1, 3)], owner=np.full(4, -1), apart=[(0, 3)]).tolist() == [True, False]
    assert joinable([(1, 2)], owner=owner, joined=[(0, 1)]).tolist() == [False]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda p: p[0] < p[1]), max_size=25),
    st.lists(st.integers(-1, 2), min_size=12, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda p: p[0] < p[1]), max_size=5),
)
def test_no_group_ever_holds_two_who_must_stay_apart(pairs, owner, apart):
    from limner.maths.components import components

    kept = joinable(pairs, owner=np.array(owner), apart=apart)
    joined = [pair for pair, is_kept in zip(pairs, kept.tolist(), strict=True) if is_kept]
    label = components(12, [a for a, _ in joined], [b for _, b in joined])
    for group in set(label.tolist()):
        assert len({owner[row] for row in range(12) if label[row] == group} - {-1}) <= 1
    assert all(label[a] != label[b] for a, b in apart)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"roles": {"nme": "x"}}, "there is no role 'nme'"),
        ({"roles": {"name": "x"}, "blocking": (("birth_date",),)}, "cannot meet by 'birth_date'"),
        ({"roles": {"gender": "x"}}, "give no blocking rule"),
        ({"roles": {"name": "x"}, "propose_above": 1.5}, "it must be a probability"),
        ({"roles": {"name": "x"}, "propose_above": 0.9, "accept_above": 0.5}, "Raise accept_above"),
    ],
)
def test_a_matching_that_cannot_be_is_refused(given, said):
    with pytest.raises(BadDefinition, match=said):
        Matching("m", **given)
