"""Beliefs are tested, competitors' profiles are read, views cross: each against counts made by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.errors import BadInput
from limner.core.ours import Property
from limner.core.rule import Lexicon, TagWord
from limner.flow.audiences import Ground
from limner.flow.audiences.beliefs import beliefs
from limner.flow.audiences.rival import against_rival, rival
from limner.flow.audiences.views import Masks, coded, crossed
from limner.maths.proportion import wilson
from limner.store.definitions import Definitions
from limner.store.gallery import Gallery

SIZE = 2_000
AGE = np.arange(SIZE) % 60 + 10
IS_KNOWN = np.arange(SIZE) % 4 != 0
WOMEN = np.arange(SIZE) % 3 == 0
NAMES = {"age": "年龄", "gender": "性别", "is_member": "会员", "hint": "提示"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    draft = Gallery(tmp_path_factory.mktemp("g")).draft()
    draft.put_living(BitMap(range(SIZE)))
    draft.put("age", AGE, IS_KNOWN, type="int")
    draft.put("gender", ["female" if woman else "male" for woman in WOMEN], type="text")
    draft.put("is_member", AGE < 30, type="bool")
    draft.put("hint", ["x"] * SIZE, type="text")
    version = draft.seal("base")
    kinds = {name: header.type for name, header in version.headers.items()}
    lexicon = Lexicon(tuple(TagWord(name, kind, (NAMES[name],)) for name, kind in kinds.items()))
    definitions = Definitions({"properties": {"hint": Property("hint", "text", is_personal=True)}})
    return Ground(version, definitions, lexicon, datetime(2026, 9, 1, tzinfo=UTC))


def judged(ground, group, *stated, **more):
    words = ground.words(ground.rule(group))
    return beliefs(ground, words, ground.version.living_words, stated, who=OWNER, **more)


def test_a_belief_is_held_against_those_whose_answer_is_known(ground):
    young, wide, edge = judged(ground, "is_member", "age >= 20 and age < 25", "age < 30", "age >= 20")
    known = IS_KNOWN & (AGE < 30)
    assert (young.cases, young.known) == (int((known & (AGE >= 20) & (AGE < 25)).sum()), int(known.sum()))
    assert (young.verdict, wide.verdict, edge.verdict) == ("disagrees", "agrees", "cannot_tell")
    assert wide.share == 1
    assert wide.high == 1
    assert young.low < young.share < young.high < 0.5


def test_on_few_nothing_is_told(ground):
    (few,) = judged(ground, "age == 11 and gender == 'female'", "age == 11")
    assert few.known < 30
    assert few.verdict == "cannot_tell"
    (nobody,) = judged(ground, "age > 900", "age == 11")
    assert (nobody.known, nobody.share, nobody.verdict) == (0, 0, "cannot_tell")
    (small,) = judged(ground, "is_member", "age == 11", least=200)
    assert small.known == 0


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(3)
    hits = [low <= 0.2 <= high for low, high in (wilson(int(k), 200) for k in rng.binomial(200, 0.2, 2_000))]
    assert 0.93 <= np.mean(hits) <= 0.97
    assert wilson(0, 50)[0] == 0
    assert wilson(50, 50)[1] == 1


def rows(*cells):
    return [dict(zip(("标签", "答案", "占比", "样本数"), one, strict=True)) for one in cells]


def test_a_profile_is_read_and_compared(ground):
    stated = rows(
        ("性别", "female", "50%", "1,000"), ("性别", "male", "50%", "1000"), ("年龄", "10～19", "0.2", "８００"),
        ("年龄", "65+", "0.1", "800"), ("会员", "是", "40％", "500"),
    )  # fmt: skip
    other = rival(ground, stated, place="rival.csv", name="对手")
    found = against_rival(ground, "is_member or not is_member", other, who=OWNER)
    assert found.against == "对手"
    women, teens, old = (next(t for t in found.traits if t.answer == answer) for answer in ("female", "10~19", "65+"))
    assert women.group == int(WOMEN.sum())
    assert women.tgi == pytest.approx(100 * WOMEN.mean() / 0.5)
    assert women.high < 100
    assert women.is_clear
    assert teens.group == int((IS_KNOWN & (AGE < 20)).sum())
    assert teens.base == 160
    assert old.group_share == pytest.approx((IS_KNOWN & (AGE >= 65)).sum() / IS_KNOWN.sum())
    assert women.rule == 'gender == "female"'


GOOD = ("性别", "female", "50%", "1000")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "rival_empty"),
        ([{"标签": "性别", "答案": "female", "占比": "1"}], "rival_header_missing"),
        (rows(("性別", "female", "0.5", "10")), "rival_tag_unknown"),
        (rows(("提示", "x", "0.5", "10")), "rival_tag_unknown"),
        (rows(("性别", "femal", "0.5", "10")), "rival_answer_bad"),
        (rows(("年龄", "年轻", "0.5", "10")), "rival_answer_bad"),
        (rows(("年龄", "30-20", "0.5", "10")), "rival_answer_bad"),
        (rows(("会员", "maybe", "0.5", "10")), "rival_answer_bad"),
        (rows(("性别", "female", "50", "10")), "rival_figure_bad"),
        (rows(("性别", "female", "nan", "10")), "rival_figure_bad"),
        (rows(("性别", "female", "half", "10")), "rival_figure_bad"),
        (rows(("性别", "female", "0.5", "0")), "rival_figure_bad"),
        (rows(("性别", "female", "0.5", "1.5")), "rival_figure_bad"),
        (rows(GOOD, GOOD), "rival_answer_twice"),
        (rows(("性别", "female", "0.7", "10"), ("性别", "male", "0.7", "10")), "rival_shares_high"),
    ],
)
def test_what_is_wrong_with_a_profile_is_said(ground, given, code):
    with pytest.raises(BadInput) as error:
        rival(ground, given, place="rival.csv")
    assert error.value.code == code
    assert "rival.csv" in str(error.value)


def test_age_by_gender_shares_out_all_whose_both_are_known(ground):
    version = ground.version
    group = ground.words(ground.rule("is_member"))
    masks = Masks.of(group, version.living_words, version.size)
    parts = [coded(version, name, ground.asof) for name in ("age", "gender")]
    assert parts[0].labels[0] == "<18"
    cells = masks.told(crossed(*parts))
    assert sum(one.base for one in cells) == IS_KNOWN.sum()
    young = next(one for one in cells if one.answer == "18–24\tfemale")
    assert young.group == int((IS_KNOWN & (AGE < 30) & (AGE >= 18) & (AGE < 25) & WOMEN).sum())
    same = Masks.of(version.living_words, version.living_words, version.size).told(crossed(*parts))
    assert {one.tgi for one in same} == {100}
    assert coded(version, "nothing", ground.asof) is None
