"""Look-alikes over a gallery made by hand: whom they leave out, what they refuse, how they are cut."""

import numpy as np
import pytest
from pyroaring import BitMap

from limner.core.actor import OWNER, Actor
from limner.core.errors import BadDefinition, BadInput, Lacking
from limner.core.ours import Audience, Property
from limner.flow.audiences import Ground, likeness, vocabulary
from limner.flow.audiences.alike import alike
from limner.flow.audiences.fits import OwnShelf
from limner.maths.likeness import learn
from limner.store.definitions import Definitions
from shop import NOW, open_shop

pytest.importorskip("sklearn")
pytest.importorskip("lightgbm")
SIZE = 70_000
RNG = np.random.default_rng(4)
TASTE = RNG.random(SIZE) < 0.2
SEED = TASTE & (RNG.random(SIZE) < 0.3)
STAFF = np.arange(SIZE) % 50 == 0
REACHED = np.arange(SIZE) % 3 > 0


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    stores = open_shop(tmp_path_factory.mktemp("alike") / "shop")
    draft = stores.gallery.draft()
    draft.put_living(BitMap(range(SIZE)) - BitMap([11]), SIZE)
    draft.put("is_seed", SEED, type="bool")
    draft.put("is_staff", STAFF, type="bool")
    draft.put("views", RNG.poisson(np.where(TASTE, 9, 3)), type="int")
    draft.put(
        "spend",
        (np.exp(RNG.normal(np.where(TASTE, 6, 5), 1)) * 10_000).astype(np.int64),
        RNG.random(SIZE) < 0.9,
        type="money",
    )
    draft.put("ratio", RNG.random(SIZE), type="float")
    draft.put("city", np.where(RNG.random(SIZE) < np.where(TASTE, 0.6, 0.3), "上海", "杭州").tolist(), type="text")
    draft.put("joined", RNG.integers(18_000, 20_000, SIZE), type="day")
    draft.put("copy", np.where(SEED, 5, 0) + (RNG.random(SIZE) < 0.001), type="int")
    draft.put("hint", RNG.integers(9, size=SIZE), type="int")
    draft.put("constant", np.ones(SIZE, int), type="int")
    draft.put("moment", np.arange(SIZE), type="instant")
    draft.put("reach.sms", REACHED, type="bool")
    draft.put("reach.mail", np.zeros(SIZE, bool), type="bool")
    draft.put("address.phone", np.arange(SIZE), type="int")
    yield draft.seal("base"), stores
    stores.close()


def grounded(version, *audiences, **more):
    sealed, stores = version
    by_id = {a.id: a for a in audiences}
    definitions = Definitions(
        {"audiences": by_id, "properties": {"hint": Property("hint", "number", is_personal=True)}}
    )
    words = vocabulary(sealed, definitions, stores.lake.tables()["events"], stores.settings.zone)
    return Ground(sealed, definitions, words, NOW, **more)


def like(**options):
    return Audience("like", selector="look_alike", options={"seeds": "is_seed", **options})


def chosen(version, **options):
    return np.array(grounded(version, like(**options)).members("like"))


def test_seeds_staff_and_the_unreachable_stay_out_and_the_number_is_exact(version):
    found = chosen(version, size=5_000, exclude=["is_staff"])
    assert found.size == 5_000
    assert not SEED[found].any()
    assert not STAFF[found].any()
    assert REACHED[found].all()
    assert 11 not in found
    assert TASTE[found].mean() > 0.5
    everybody = chosen(version, size=5_000, reachable="none")
    assert not REACHED[everybody].all()
    assert chosen(version, size=10, reachable="mail").size == 0


def test_they_are_found_as_well_as_a_model_that_knew_them_all_would(version):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict

    sealed, _ = version
    names = ("views", "spend", "ratio", "city", "joined")
    matrix = np.column_stack([sealed.column(n).values[:SIZE].astype(float) for n in names])
    pool = ~SEED & REACHED
    pool[11] = False
    oracle = cross_val_predict(HistGradientBoostingClassifier(random_state=1), matrix, TASTE, method="predict_proba")[
        :, 1
    ]
    many = int((TASTE & pool).sum())
    best = np.flatnonzero(pool)[np.argsort(-oracle[pool])[:many]]
    mine = chosen(version, size=many)
    assert TASTE[mine].sum() >= 0.95 * TASTE[best].sum()


def test_what_was_compared_and_what_not_is_said(version):
    ground = grounded(version, like(share=0.1, without=["ratio"]), barred=frozenset({"joined"}))
    made = alike(ground, "like", who=OWNER)
    assert made.left_out == {
        "is_seed": "seeds", "ratio": "without", "hint": "personal", "joined": "purpose", "copy": "tells all",
        "constant": "one answer", "moment": "type",
    }  # fmt: skip
    assert {c.column for c in made.columns} >= {"views", "spend", "city"}
    assert made.columns[0].alone > 0.7
    assert made.auc > 0.75
    assert made.chosen == round(0.1 * made.pool)
    assert made.seeds == SEED.sum()
    assert made.unreachable == int((~SEED & ~REACHED).sum()) - (0 if REACHED[11] or SEED[11] else 1)
    reach = [one.customers for one in made.curve]
    assert reach == sorted(reach)
    assert reach[-1] == made.pool
    falling = [one.likeness for one in made.curve]
    assert falling == sorted(falling, reverse=True)
    assert made.curve[0].lift > made.curve[-1].lift
    assert "likeness" in repr(made)
    assert made.to_dicts()[-1]["share"] == 1.0
    few = alike(ground, "like", who=Actor("branch", scope=BitMap(range(1_000))))
    assert few.chosen < made.chosen


def test_the_cut_is_the_same_every_time_and_larger_ones_hold_smaller_ones(version):
    small, again, large = (chosen(version, size=many) for many in (1_000, 1_000, 3_000))
    assert (small == again).all()
    assert set(small) <= set(large)
    near = chosen(version, likeness=0.9)
    wide = chosen(version, likeness=0.3)
    assert 0 < near.size < wide.size
    assert chosen(version, size=10**9).size == int((~SEED & REACHED).sum()) - int(REACHED[11] and not SEED[11])


@pytest.mark.parametrize("method", ["linear", "trees"])
def test_the_same_question_is_learned_once_and_other_facts_anew(version, method, monkeypatch):
    learned = []
    monkeypatch.setattr(likeness, "learn", lambda *rest, **more: learned.append(1) or learn(*rest, **more))
    sealed, stores = version
    shelf = OwnShelf()
    asked = like(size=1_000, method=method)
    first = alike(grounded(version, asked, shelf=shelf), "like", who=OWNER)
    again = alike(grounded(version, asked, shelf=shelf), "like", who=OWNER)
    assert again == first
    assert alike(grounded(version, like(size=3_000, method=method), shelf=shelf), "like", who=OWNER).auc == first.auc
    assert len(learned) == 1  # another cut of the same likeness
    draft = stores.gallery.draft(sealed)
    try:
        views = np.array(sealed.column("views").values[:SIZE])
        views[np.flatnonzero(SEED)[0]] += 1
        draft.put("views", views, type="int")
        changed = alike(grounded((draft.view(), stores), asked, shelf=shelf), "like", who=OWNER)
    finally:
        draft.discard()
    assert len(learned) == 2
    assert changed.seeds == first.seeds
    alike(grounded(version, like(size=1_000, method=method, without=["city"]), shelf=shelf), "like", who=OWNER)
    assert len(learned) == 3


@pytest.mark.parametrize("method", ["linear", "trees"])
def test_both_ways_of_scoring_agree_on_whom(version, method):
    found = chosen(version, size=3_000, method=method)
    assert TASTE[found].mean() > 0.6


def test_columns_the_seeds_are_chosen_by_are_refused_through_other_audiences_too(version):
    seeds = Audience("buyers", "views > 8 and is_seed")
    wrong = Audience(
        "like", selector="look_alike", options={"seeds": "buyers", "size": 10, "columns": ["views", "spend"]}
    )
    with pytest.raises(BadDefinition, match="'views'"):
        grounded(version, seeds, wrong).members("like")
    right = Audience(
        "like", selector="look_alike", options={"seeds": "buyers", "size": 10, "columns": ["city", "spend"]}
    )
    assert len(grounded(version, seeds, right).members("like")) == 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seeds": "is_seed"}, "one of size, share and likeness"),
        ({"seeds": "is_seed", "size": 1, "share": 0.1}, "one of size, share and likeness"),
        ({"size": 1}, "an audience or a rule"),
        ({"seeds": "is_seed", "share": 1.5}, "above 0, at most 1"),
        ({"seeds": "is_sead", "size": 1}, "is_seed"),
        ({"seeds": "is_seed", "size": 1, "columns": ["is_seed"]}, "Leave it out"),
        ({"seeds": "is_seed", "size": 1, "columns": ["moment"]}, r"moment \(type\)"),
        ({"seeds": "is_seed", "size": 1, "reachable": "fax"}, "reach.fax"),
        ({"seeds": "views > 1000", "size": 1}, "0 seeds"),
        ({"seeds": "is_seed", "size": 1, "pool": "is_seed"}, "the pool has 0"),
        ({"seeds": "is_seed", "size": 1, "columns": ["constant"]}, "one answer"),
    ],
)
def test_what_cannot_be_is_said(version, options, said):
    wrong = Audience("like", selector="look_alike", options=options)
    with pytest.raises((BadDefinition, Lacking), match=said):
        grounded(version, wrong).members("like")


def test_another_audience_has_no_look_alikes(version):
    ground = grounded(version, Audience("old", "views > 3"))
    with pytest.raises(BadInput, match="look-alikes"):
        alike(ground, "old", who=OWNER)
