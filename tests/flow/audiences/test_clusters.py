"""Clusters over a gallery made by hand: labels that stay, unknowns that are said, options that are refused."""

from datetime import timedelta

import numpy as np
import pytest
from pyroaring import BitMap

from limner.core.actor import OWNER, Actor
from limner.core.errors import BadDefinition, BadInput, Lacking
from limner.core.ours import Audience
from limner.flow.audiences import Ground, vocabulary
from limner.flow.audiences.base import reads_of
from limner.flow.audiences.clustered import clusters
from limner.flow.audiences.fits import OwnShelf
from limner.maths.stability import agreement
from limner.store.definitions import Definitions
from limner.store.gallery import Gallery
from shop import NOW, open_shop

pytest.importorskip("scipy")
SIZE = 3_000
COLUMNS = ["spend", "orders", "days"]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    found = open_shop(tmp_path_factory.mktemp("clusters") / "shop")
    yield found
    found.close()


def people(seed=1, moved=0.0):
    """Three kinds of customers, every twentieth without an answer; a share of them `moved` to other values."""
    rng = np.random.default_rng(seed)
    kind = np.arange(SIZE) % 3
    spend = np.exp(np.array([3.0, 6.0, 9.0])[kind] + rng.normal(0, 0.4, SIZE))
    orders = rng.poisson(np.array([6.0, 20.0, 80.0])[kind])
    days = np.clip(np.array([300, 100, 10])[kind] + rng.normal(0, 15, SIZE), 0, None)
    shuffled = rng.random(SIZE) < moved
    spend[shuffled] = rng.permutation(spend[shuffled])
    return kind, {"spend": spend, "orders": orders, "days": days}


def draft_of(stores, columns, living=SIZE):
    draft = stores.gallery.draft()
    draft.put_living(BitMap(range(living)), SIZE)
    draft.put("spend", (columns["spend"] * 10_000).astype(np.int64), np.arange(SIZE) % 20 != 7, type="money")
    draft.put("orders", columns["orders"], type="int")
    draft.put("days", columns["days"], type="float")
    draft.put("city", [("上海", "杭州", "成都")[n % 3] for n in range(SIZE)], type="text")
    draft.put("code", [f"C{n}" for n in range(SIZE)], type="text")
    draft.put("since", np.arange(SIZE, dtype=np.int64), type="instant")
    return draft


def ground_of(stores, version, audiences, shelf=None, asof=NOW):
    definitions = Definitions({"audiences": {a.id: a for a in audiences}})
    words = vocabulary(version, definitions, stores.lake.tables()["events"], stores.settings.zone)
    return Ground(version, definitions, words, asof, shelf=shelf or OwnShelf())


def three(**more):
    return Audience("segments", selector="clusters", options={"columns": COLUMNS, "log": ["spend", "orders"], **more})


def one(label):
    return Audience(f"segment_{label}", selector="clusters", options={"of": "segments", "cluster": label})


def labels_of(ground):
    found = np.zeros(SIZE, np.int64)
    for label in (1, 2, 3):
        found[list(ground.members(f"segment_{label}"))] = label
    return found


AUDIENCES = [three(), one(1), one(2), one(3)]


def test_planted_kinds_are_found_with_their_number(stores):
    kind, columns = people()
    ground = ground_of(stores, draft_of(stores, columns).view(), AUDIENCES)
    found = clusters(ground, "segments", who=OWNER)
    assert found.stability.k == 3
    assert found.stability.mean > 0.95
    assert found.unknown == SIZE // 20
    assert sum(c.customers for c in found.clusters) + found.unknown == SIZE
    known = np.arange(SIZE) % 20 != 7
    assert agreement(labels_of(ground)[known], kind[known]) > 0.98
    assert set(ground.members("segments")) == set(np.flatnonzero(known).tolist())
    assert sorted(round(float(np.log(c.centre["spend"]))) for c in found.clusters) == [3, 6, 9]
    assert "cluster" in repr(found)
    assert found.to_dicts()[0]["cluster"] == 1
    assert clusters(ground, "segment_2", who=OWNER).clusters == found.clusters
    few = clusters(ground, "segments", who=Actor("branch", scope=BitMap(range(90))))
    assert sum(c.customers for c in few.clusters) < 90


def test_no_change_no_move_and_a_refit_keeps_the_labels(stores):
    _, columns = people()
    shelf = OwnShelf()
    first = labels_of(ground_of(stores, draft_of(stores, columns).view(), AUDIENCES, shelf))
    again = labels_of(ground_of(stores, draft_of(stores, columns).view(), AUDIENCES, shelf, NOW + timedelta(days=1)))
    assert (first == again).all()
    later = ground_of(stores, draft_of(stores, columns).view(), AUDIENCES, shelf, NOW + timedelta(days=31))
    assert (labels_of(later) == first).mean() >= 0.98
    assert len(shelf.own) == 2
    _, drifted = people(moved=0.1)
    after = ground_of(stores, draft_of(stores, drifted).view(), AUDIENCES, shelf, NOW + timedelta(days=70))
    assert (labels_of(after) == first).mean() > 0.85


def test_others_do_not_move_a_customer_between_fits(stores):
    _, columns = people()
    shelf = OwnShelf()
    first = labels_of(ground_of(stores, draft_of(stores, columns).view(), AUDIENCES, shelf))
    columns["spend"] = columns["spend"].copy()
    columns["spend"][::2] *= 50
    second = labels_of(ground_of(stores, draft_of(stores, columns).view(), AUDIENCES, shelf, NOW + timedelta(days=3)))
    assert (first[1::2] == second[1::2]).all()
    assert (first[::2] != second[::2]).any()


def test_a_fit_sees_nothing_of_a_later_one(stores):
    _, columns = people()
    shelf = OwnShelf()
    version = draft_of(stores, columns).view()
    labels_of(ground_of(stores, version, AUDIENCES, shelf, NOW + timedelta(days=5)))
    early = labels_of(ground_of(stores, version, AUDIENCES, shelf))
    alone = labels_of(ground_of(stores, version, AUDIENCES))
    assert (early == alone).all()


def test_words_and_unknown_answers_have_their_say(stores):
    _, columns = people()
    version = draft_of(stores, columns).view()
    mixed = Audience(
        "segments",
        selector="clusters",
        options={"columns": ["orders", "city"], "k": 3, "weight": 3.0, "unknown": "middle"},
    )
    found = clusters(ground_of(stores, version, [mixed]), "segments", who=OWNER)
    assert {c.centre["city"] for c in found.clusters} == {"上海", "杭州", "成都"}
    middle = three(unknown="middle")
    assert clusters(ground_of(stores, version, [middle]), "segments", who=OWNER).unknown == 0
    among = three(among="orders >= 9", k=2)
    few = clusters(ground_of(stores, version, [among]), "segments", who=OWNER)
    chosen = int(((columns["orders"] >= 9) & (np.arange(SIZE) % 20 != 7)).sum())
    assert sum(c.customers for c in few.clusters) == chosen


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Name them under `columns`"),
        ({"columns": ["spent"]}, "'spend'"),
        ({"columns": COLUMNS, "k": 1}, "from 2 to 100"),
        ({"columns": COLUMNS, "log": ["city"]}, "among the columns"),
        ({"columns": COLUMNS, "scale": "none", "colour": 1}, "no field 'colour'"),
        ({"columns": ["code"], "k": 2}, "different words"),
        ({"columns": ["since"], "k": 2}, "holds instant"),
        ({"columns": COLUMNS, "cluster": 9, "k": 3}, "The clusters are 1, 2, 3"),
        ({"of": "other", "k": 3}, "the only option"),
        ({"columns": COLUMNS, "among": "orders > 5000"}, "0 customers have answers"),
    ],
)
def test_what_cannot_be_is_said(stores, options, said):
    _, columns = people()
    wrong = Audience("wrong", selector="clusters", options=options)
    other = Audience("other", selector="clusters", options={"columns": COLUMNS})
    with pytest.raises((BadDefinition, Lacking), match=said):
        ground_of(stores, draft_of(stores, columns).view(), [wrong, other]).members("wrong")


def test_an_audience_of_clusters_says_what_it_reads_and_changes_with_it(stores):
    _, columns = people()
    version = draft_of(stores, columns).view()
    old = Audience("old", "days > 50")
    told = three(among="old")
    ground = ground_of(stores, version, [old, told])
    reads = reads_of(told, ground.definitions, ground.lexicon)
    assert reads.columns == set(COLUMNS)
    other = ground_of(stores, version, [Audience("old", "days > 60"), told])
    assert ground.mark("segments") != other.mark("segments")
    with pytest.raises(BadInput, match="no clusters"):
        clusters(ground, "old", who=OWNER)
    circle = ground_of(stores, version, [Audience("old", "in audience(segments)"), told])
    with pytest.raises(BadDefinition, match="circle"):
        circle.members("segments")


def test_what_stands_on_a_gallery_of_several_blocks_is_read_block_by_block(tmp_path):
    rng = np.random.default_rng(2)
    size = 140_000
    draft = Gallery(tmp_path).draft()
    draft.put_living(BitMap(range(size)))
    kind = rng.integers(2, size=size)
    draft.put("a", kind * 10 + rng.integers(3, size=size), rng.random(size) < 0.9, type="int")
    draft.put("b", rng.random(70_000) < 0.5, type="bool")
    version = draft.view()
    definitions = Definitions(
        {"audiences": {"x": Audience("x", selector="clusters", options={"columns": ["a"], "k": 2, "cluster": 1})}}
    )
    from limner.core.rule import Lexicon, TagWord

    ground = Ground(version, definitions, Lexicon(tags=(TagWord("a", "int"), TagWord("b", "bool"))), NOW)
    known = np.zeros(size, bool)
    known[list(ground.members("x"))] = True
    column = version.column("a")
    answered = np.array([column.value(n) is not None for n in range(size)])
    assert (known[answered] == (kind[answered] == kind[known][0])).all()
    assert not known[~answered].any()
