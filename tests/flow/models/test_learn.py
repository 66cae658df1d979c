"""Models: learned without a look into the future, honest about how well, refused where the data cannot carry them."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from limner.core.actor import OWNER
from limner.core.errors import BadDefinition, NotFound
from limner.core.ours import Model
from limner.core.spans import day_of, midnight
from limner.flow.models import MODEL_KINDS, Past, Snapshot, learn, past_instants
from limner.flow.models.examples import Bound
from limner.flow.models.reasons import OTHERS, reasons
from limner.maths.calibration import logit
from limner.maths.ranking import auc
from limner.store.definitions import Definitions
from outcome_desk import Desk

pytest.importorskip("sklearn")
PEOPLE = 1_500
MODEL = Model("purchase_30d", snapshots=4, options={"max_iter": 30})


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Customers with a hidden rate of buying in a month; the features show it with noise."""
    desk = Desk(tmp_path_factory.mktemp("models") / "shop", PEOPLE)
    desk.asof = midnight(_now(), desk.stores.settings.zone)
    rng = np.random.default_rng(1)
    desk.rate = rng.beta(1, 3, PEOPLE + 1)
    rows = []
    for month in range(8):
        for number in np.flatnonzero(rng.random(PEOPLE + 1) < desk.rate):
            if number:
                after = (desk.asof - _now()) / timedelta(days=1) - 30 * month - rng.uniform(0.5, 29.5)
                rows.append(
                    {"name": "Order Completed", "who": int(number), "after": after, "order_id": f"{month}-{number}"}
                )
    desk.events(rows)
    return desk


def _now():
    from shop import NOW

    return NOW


def portrait(desk, asof, seed=0, **more):
    """A draft of a gallery version at an asof."""
    rng = np.random.default_rng([seed, int(asof.timestamp())])
    draft = desk.stores.gallery.draft()
    draft.put("hint", np.clip(desk.rate + rng.normal(0, 0.1, PEOPLE + 1), 0, 1), type="float")
    draft.put("noise", rng.integers(0, 1000, PEOPLE + 1), type="int")
    draft.put("is_odd", np.arange(PEOPLE + 1) % 2 == 1, type="bool")
    draft.put("city", ["上海"] * (PEOPLE + 1), type="text")
    draft.put("reach.sms", np.ones(PEOPLE + 1, bool), type="bool")
    for name, (values, kind) in more.items():
        draft.put(name, values, type=kind)
    from pyroaring import BitMap

    draft.put_living(BitMap(range(1, PEOPLE + 1)))
    return draft


def run(desk, models=(MODEL,), *, rng=7, name="v", **more):
    definitions = Definitions({"models": {m.id: m for m in models}}, {})
    instants = past_instants(definitions, desk.asof, desk.stores.settings.zone)
    past = Past(tuple(Snapshot(t, portrait(desk, t, **more).seal(f"{name}.{t:%Y%m%d}")) for t in instants))
    draft = portrait(desk, desk.asof, **more)
    generator = np.random.default_rng(rng)
    learned = learn(desk.stores, definitions, draft, past, who=OWNER, asof=desk.asof, rng=generator)
    return learned, draft.seal(f"{name}.today")


def test_a_model_is_learned_and_says_how_well(shop):
    learned, version = run(shop)
    card = learned.cards["purchase_30d"]
    assert card["state"] == "learned", card.get("reason")
    assert 0.7 < card["auc"]["temporal"] < 0.95
    assert abs(card["auc"]["random"] - card["auc"]["temporal"]) < 0.06
    assert card["ece"] < 0.06
    assert card["decile_lift"][0] > 2 > card["decile_lift"][-1]
    assert card["features"][0]["name"] == "hint"
    assert {feature["name"] for feature in card["features"]} == {"hint", "noise", "is_odd"}
    assert set(card["libraries"]) == {"python", "scikit-learn", "numpy"}
    assert version.card("purchase_30d") == card


def test_scores_are_chances_in_a_float32_column(shop):
    _, version = run(shop, name="w")
    column = version.column("purchase_30d")
    assert column.header.dtype == "<f4"
    scores = np.asarray(column.values)[1:]
    assert np.isnan(np.asarray(column.values)[0]) or column.value(0) is None
    assert 0 <= scores.min() <= scores.max() <= 1
    assert abs(scores.mean() - shop.rate[1:].mean()) < 0.04
    truth = shop.rate[1:] > np.median(shop.rate[1:])
    assert auc(scores, truth) > 0.8


def test_slices_never_meet_and_end_at_the_asof(shop):
    card = run(shop, name="x")[0].cards["purchase_30d"]
    saw = card["saw"]
    assert len(saw) == 4
    assert all(first["until"] == second["asof"] for first, second in pairwise(saw))
    assert saw[-1]["until"] == shop.asof.isoformat()
    assert all(part["customers"] == PEOPLE for part in saw)


def test_the_same_seed_gives_the_same_bits_and_company_changes_nothing(shop):
    first = run(shop, name="a")[1]
    again = run(shop, name="b")[1]
    beside = run(
        shop, (MODEL, Model("another", snapshots=3, horizon=timedelta(days=20), options={"max_iter": 5})), name="c"
    )[1]
    for other in (again, beside):
        np.testing.assert_array_equal(first.column("purchase_30d").values, other.column("purchase_30d").values)


def test_events_after_the_asof_change_nothing(shop):
    before = run(shop, name="d")[1]
    shop.events([{"name": "Order Completed", "who": n, "after": 3, "order_id": f"late{n}"} for n in range(1, 700)])
    after = run(shop, name="e")[1]
    np.testing.assert_array_equal(before.column("purchase_30d").values, after.column("purchase_30d").values)


def test_too_few_positives_are_refused_with_the_reason(shop):
    learned, version = run(shop, (Model("rare", event="Lead Submitted"),), name="f")
    card = learned.cards["rare"]
    assert card["state"] == "refused"
    assert "only 0 customers did 'Lead Submitted'" in card["reason"]
    assert "rare" not in version.headers
    assert version.card("rare")["code"] == "model_too_few_yes"
    assert learned.states == {"rare": "refused"}


def test_noise_is_refused(shop):
    learned, _ = run(shop, (Model("blind", features=("is_odd",), snapshots=3),), name="g")
    card = learned.cards["blind"]
    assert card["state"] == "refused" or card["auc"]["temporal"] < 0.55


def test_a_feature_that_was_not_known_then_is_refused(shop):
    with pytest.raises(BadDefinition, match="no column 'hnit'"):
        run(shop, (Model("typo", features=("hnit",), snapshots=3),), name="h")
    with pytest.raises(BadDefinition, match="'city' is text"):
        run(shop, (Model("words", features=("city",), snapshots=3),), name="i")


def test_a_missing_snapshot_is_named(shop):
    definitions = Definitions({"models": {"m": Model("m", snapshots=3)}}, {})
    draft = portrait(shop, shop.asof)
    with pytest.raises(NotFound, match="needs the portrait as of"):
        learn(shop.stores, definitions, draft, Past(()), who=OWNER, asof=shop.asof, rng=np.random.default_rng(1))
    draft.discard()


def test_a_wrong_option_is_named(shop):
    with pytest.raises(BadDefinition, match="no option 'depth'"):
        run(shop, (Model("deep", snapshots=3, options={"depth": 3}),), name="j")


def test_no_models_no_columns(shop):
    learned, version = run(shop, (), name="k")
    assert learned.cards == {}
    assert version.cards() == ()


def test_days_become_ages(shop):
    """A model of dates would see only dates it never saw again; ages carry over."""
    day = np.full(PEOPLE + 1, 20_000)
    learned, _ = run(shop, name="l", joined=(day, "day"))
    assert "joined" in {feature["name"] for feature in learned.cards["purchase_30d"]["features"]}


@pytest.mark.parametrize("name", [name for name, _ in MODEL_KINDS])
def test_every_kind_keeps_the_contract(name):
    """Chances in [0, 1], the same for the same seed, unknown features allowed, no customers no scores."""
    kind = MODEL_KINDS.find(name)
    rng = np.random.default_rng(2)
    features = rng.normal(size=(2_000, 3)).astype(np.float32)
    features[::7, 1] = np.nan
    answers = rng.random(2_000) < 1 / (1 + np.exp(-features[:, 0]))
    scores = [kind().fit(features, answers, seed=5, options={}).score(features) for _ in range(2)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert 0 <= scores[0].min() <= scores[0].max() <= 1
    assert auc(scores[0], answers) > 0.65
    assert kind().fit(features, answers, seed=5, options={}).score(features[:0]).shape == (0,)
    assert kind.__doc__
    assert kind.libraries


def test_those_a_model_is_not_for_are_not_learned_from_and_get_no_score(shop):
    """Their features and answers may be anything: nobody else's score moves by a bit."""
    from pyroaring import BitMap

    left = BitMap(range(1, 301))

    def scores(name, bound, noise):
        definitions = Definitions({"models": {MODEL.id: MODEL}}, {})
        instants = past_instants(definitions, shop.asof, shop.stores.settings.zone)
        garbled = np.random.default_rng(noise).random(PEOPLE + 1)
        hints = {"extra": (np.where(np.arange(PEOPLE + 1) <= 300, garbled, shop.rate), "float")}
        past = tuple(Snapshot(t, portrait(shop, t, **hints).seal(f"{name}.{t:%Y%m%d}")) for t in instants)
        draft = portrait(shop, shop.asof, **hints)
        learned = learn(
            shop.stores, definitions, draft, Past(past, bounds={MODEL.id: bound}), who=OWNER, asof=shop.asof,
            rng=np.random.default_rng(7),
        )  # fmt: skip
        return learned.cards[MODEL.id], draft.seal(f"{name}.today").column(MODEL.id)

    card, one = scores("bound-a", Bound(left, purposes=("profiling",), needs=("profiling",)), 1)
    _, other = scores("bound-b", Bound(left), 2)
    assert card["state"] == "learned"
    assert card["customers"] == PEOPLE - 300
    assert (card["purposes"], card["consents"], card["apart"]) == (["profiling"], ["profiling"], 300)
    assert all(part["customers"] == PEOPLE - 300 for part in card["saw"])
    assert all(one.value(number) is None for number in left)
    assert [one.value(n) for n in range(301, PEOPLE + 1)] == [other.value(n) for n in range(301, PEOPLE + 1)]
    barred, _ = scores("bound-c", Bound(left, barred=frozenset({"extra"})), 1)
    assert "extra" not in {feature["name"] for feature in barred["features"]}


def test_the_parts_of_a_score_add_up_to_it(shop):
    _, version = run(shop, name="reasons")
    day = day_of(shop.asof, shop.stores.settings.zone)
    scores = version.column(MODEL.id).values
    for number in (1, 17, 400, PEOPLE):
        found = reasons(version, MODEL.id, number, day)
        assert found.log_odds == pytest.approx(logit(scores[[number]].astype(np.float64))[0], abs=1e-4)
        assert (set(found.parts), found.customers) == ({"hint", "noise", "is_odd"}, OTHERS)
    high, low = (int(pick(shop.rate[1:])) + 1 for pick in (np.argmax, np.argmin))
    assert reasons(version, MODEL.id, high, day).parts["hint"] > 0 > reasons(version, MODEL.id, low, day).parts["hint"]
    assert reasons(version, MODEL.id, 0, day) is None
    again = shop.stores.gallery.draft(version)
    assert again.seal("reasons.again").fit(MODEL.id) == version.fit(MODEL.id)
    (version.folder / f"cards/{MODEL.id}.fit").unlink()
    assert reasons(version, MODEL.id, 1, day) is None
