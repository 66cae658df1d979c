"""Answers as codes: they count what the columns say, kept or not, and a portrait of the base is 100 throughout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.core.actor import OWNER, Actor
from limner.core.errors import Refused
from limner.core.rule import Lexicon, TagWord
from limner.flow.audiences import Ground, count, gathered, portrait
from limner.flow.audiences.answers import answers_of
from limner.store.definitions import Definitions
from limner.store.gallery import Gallery
from limner.store.gallery.bits import pack
from limner.store.gallery.codes import open_codes
from limner.store.gallery.erasing import erase
from shop import NOW

SIZE = 3_000
KINDS = {"orders": "int", "net": "money", "share": "float", "is_member": "bool", "city": "text"}


@pytest.fixture
def gallery(tmp_path):
    return Gallery(tmp_path / "gallery")


def sealed(gallery, seed=1, size=SIZE, name="base"):
    rng = np.random.default_rng(seed)
    known = rng.random(size) < 0.8
    draft = gallery.draft()
    draft.put_living(BitMap(range(size)) - BitMap([7]))
    draft.put("orders", rng.poisson(1.5, size), type="int")
    draft.put("net", rng.integers(-(10**6), 10**7, size), known, type="money")
    draft.put("share", rng.random(size).astype(np.float32), known, type="float")
    draft.put("is_member", rng.random(size) < 0.3, known, type="bool")
    draft.put("city", [f"城{n}" for n in rng.integers(0, 30, size)], type="text")
    return draft.seal(name)


def grounded(version):
    return Ground(version, Definitions({}), Lexicon(tuple(TagWord(n, k) for n, k in KINDS.items())), NOW)


def test_each_answer_counts_as_its_own_rule_does(gallery):
    ground = grounded(sealed(gallery))
    found = portrait(ground, "orders >= 2", who=OWNER)
    assert {t.column for t in found.traits} == set(KINDS)
    for trait in found.traits:
        assert trait.base == count(ground, trait.rule, who=OWNER).count
        assert trait.group == count(ground, f"orders >= 2 and ({trait.rule})", who=OWNER).count
        assert trait.is_by_rule == (trait.column == "orders")


@given(st.lists(st.one_of(st.none(), st.integers(-9, 9), st.sampled_from([10**6, -(10**6)])), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_answers_share_out_all_who_are_known(tmp_path_factory, values):
    draft = Gallery(tmp_path_factory.mktemp("g")).draft()
    known = np.array([v is not None for v in values])
    draft.put("n", np.array([0 if v is None else v for v in values]), known, type="int")
    draft.put_living(BitMap(range(len(values))))
    everybody = pack(np.ones(len(values), np.bool_))
    made = answers_of(draft.view().column("n"), everybody, len(values))
    draft.discard()
    if not known.any():
        assert made is None
        return
    found, codes = made
    assert (codes == 0).tolist() == (~known).tolist()
    cases, total = found.counts(np.bincount(codes, minlength=found.many).tolist())
    assert sum(cases) == total == known.sum()
    assert len(cases) == len(found.labels) == len(found.rules)


def test_kept_codes_give_the_same_portrait(gallery, monkeypatch):
    version = sealed(gallery)
    without = portrait(grounded(version), "orders >= 2", who=OWNER)
    monkeypatch.setattr(gathered, "LARGE", 1_000)
    monkeypatch.setattr("limner.store.gallery.codes.ROOM", 0)
    made = portrait(grounded(version), "orders >= 2", who=OWNER)
    assert open_codes(version, "portrait") is not None
    again = portrait(grounded(gallery.version("base")), "orders >= 2", who=OWNER)
    assert made == again == without
    against = portrait(grounded(version), "orders >= 2", "is_member", who=OWNER)
    assert against.base == count(grounded(version), "is_member", who=OWNER).count
    branch = Actor("branch", scope=BitMap(range(500)))
    assert portrait(grounded(version), "orders >= 2", who=branch).base == 499


def test_an_erasure_drops_what_was_kept(gallery, monkeypatch):
    version = sealed(gallery)
    monkeypatch.setattr(gathered, "LARGE", 1_000)
    portrait(grounded(version), "orders >= 2", who=OWNER)
    assert list(version.folder.glob("codes-*"))
    erase(version.folder, BitMap([11]), set())
    assert not list(version.folder.glob("*codes-*"))
    assert open_codes(version, "portrait") is None
    fresh = gallery.version("base")
    found = portrait(grounded(fresh), "orders >= 0", who=OWNER)
    assert found.base == SIZE - 2
    assert {t.tgi for t in found.traits} == {100.0}


def test_without_room_nothing_is_kept_and_the_answer_is_the_same(gallery, monkeypatch):
    version = sealed(gallery)
    monkeypatch.setattr(gathered, "LARGE", 1_000)
    monkeypatch.setattr("limner.store.gallery.codes.ROOM", 1 << 60)
    assert portrait(grounded(version), "orders >= 2", who=OWNER).traits
    assert not list(version.folder.glob("*codes-*"))


@pytest.mark.parametrize("rule", ["orders >= 0", "is_member", "city == '城3' and orders == 1"])
def test_a_group_against_itself_is_100_exactly(gallery, rule):
    found = portrait(grounded(sealed(gallery)), rule, rule, who=OWNER)
    assert {(t.tgi, t.low, t.high) for t in found.traits if t.is_supported and t.group_share < 1} <= {
        (100.0, 100.0, 100.0)
    }
    assert not any(t.is_clear for t in found.traits)


def test_small_counts_are_not_told(gallery):
    ground = grounded(sealed(gallery))
    every = portrait(ground, "orders >= 4", who=OWNER)
    told = portrait(ground, "orders >= 4", who=OWNER, least=10)
    assert {t.group for t in every.traits} & set(range(1, 10))
    assert not {t.group for t in told.traits} & set(range(1, 10))
    for column in KINDS:
        left = {t.answer for t in every.traits if t.column == column} - {
            t.answer for t in told.traits if t.column == column
        }
        assert len(left) != 1
    for rule, what in (("orders == 1 and city == '城3'", "audience"), ("not (orders == 1 and city == '城3')", "rest")):
        with pytest.raises(Refused, match=what):
            portrait(ground, rule, who=OWNER, least=500)
    assert portrait(ground, "orders > 99", who=OWNER, least=500).traits == ()
