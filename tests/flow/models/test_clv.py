"""Customer lifetime value as a model: planted buyers, no look past the asof, refusals that say why."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.errors import BadDefinition
from limner.core.ours import Model
from limner.flow.models import Past, learn, past_instants
from limner.store.definitions import Definitions
from shop import open_shop
from tagging import ASOF, ZONE, answers, put_events, put_links

pytest.importorskip("scipy")
SIZE, DAYS = 900, 420
MODEL = Model("clv", kind="clv", horizon=timedelta(days=91))


def bought(seed=3):
    """Orders (customer, days after the beginning, amount) over DAYS and half a year more, and who is still there."""
    rng = np.random.default_rng(seed)
    orders = []
    for number in range(SIZE):
        rate, leave, mean = rng.gamma(0.9, 1 / 5.0), rng.beta(0.8, 3.0), rng.gamma(8.0, 10.0)
        day = rng.uniform(0, 200)
        while day < DAYS + 91:
            orders.append((number, day, max(0.5, round(rng.gamma(4.0, mean / 4), 2))))
            if rng.random() < leave and len(orders) > 1 and orders[-2][0] == number:
                break
            day += 7 * rng.exponential(1 / rate)
    return orders


def put(stores, orders, batch="events"):
    rows = [
        {
            "name": "Order Completed", "trace": number + 1, "order_id": f"{batch}{i}",
            "amount": None if amount is None else Decimal(str(amount)),
            "happened_at": ASOF - timedelta(days=DAYS) + timedelta(days=float(day)),
        }
        for i, (number, day, amount) in enumerate(orders)
    ]  # fmt: skip
    put_events(stores, rows, batch)


@pytest.fixture
def stores(tmp_path):
    opened = open_shop(tmp_path / "shop")
    put_links(opened, [(n + 1, n) for n in range(SIZE)])
    yield opened
    opened.close()


def run(stores, model=MODEL, *, apart=(), asof=ASOF):
    draft = stores.gallery.draft()
    draft.put_living(BitMap(range(SIZE)), SIZE)
    definitions = Definitions({"models": {model.id: model}}, {})
    past = Past((), "links-1", BitMap(apart))
    found = learn(stores, definitions, draft, past, who=OWNER, asof=asof, rng=np.random.default_rng(1))
    return draft.view(asof=asof.isoformat()), found.cards[model.id]


def column(version, name):
    return np.array([np.nan if v is None else v for v in answers(version, name)])


def test_planted_buyers_and_what_they_did_next(stores):
    orders = bought()
    put(stores, [o for o in orders if o[1] < DAYS])
    version, card = run(stores)
    assert card["state"] == "learned"
    later = np.bincount([n for n, day, _ in orders if day >= DAYS], minlength=SIZE)
    expected, alive = column(version, "clv.purchases"), column(version, "clv.alive")
    assert np.nansum(expected) == pytest.approx(later.sum(), rel=0.15)
    assert card["purchases"]["low"] < card["purchases"]["total"] < card["purchases"]["high"]
    assert np.nanmin(alive) >= 0
    assert np.nanmax(alive) <= 1
    assert later[alive > 0.7].mean() > 3 * later[alive < 0.3].mean()
    spent = sum(amount for _, day, amount in orders if day >= DAYS)
    assert np.nansum(column(version, "clv")) == pytest.approx(spent, rel=0.2)
    assert card["value"]["is_strained"] is False
    assert len(card["tracking"]["weeks"]) == 13
    assert card["tracking"]["worst_error"] < 0.1
    assert [row["name"] for row in card["parameters"]] == ["r", "alpha", "a", "b"]


def test_the_same_buyers_by_pareto(stores):
    orders = bought()
    put(stores, [o for o in orders if o[1] < DAYS])
    asked = Model("clv", kind="clv", horizon=MODEL.horizon, options={"method": "pareto_nbd"})
    version, card = run(stores, asked)
    later = np.bincount([n for n, day, _ in orders if day >= DAYS], minlength=SIZE)
    assert np.nansum(column(version, "clv.purchases")) == pytest.approx(later.sum(), rel=0.15)
    assert card["purchases"]["low"] < card["purchases"]["total"] < card["purchases"]["high"]
    assert (card["method"], [row["name"] for row in card["parameters"]]) == ("pareto_nbd", ["r", "alpha", "s", "beta"])
    assert card["tracking"]["worst_error"] < 0.1


def test_nothing_past_the_asof_is_seen(stores):
    orders = bought()
    put(stores, [o for o in orders if o[1] < DAYS])
    before, card = run(stores)
    put(stores, [o for o in orders if o[1] >= DAYS], "later")
    after, again = run(stores)
    assert card == again
    for name in ("clv", "clv.alive", "clv.purchases"):
        assert before.column(name).values.tobytes() == after.column(name).values.tobytes()


def test_the_age_runs_to_the_asof(stores):
    """The same purchases, asked a year later: those who fell silent are taken for gone."""
    put(stores, [o for o in bought() if o[1] < DAYS])
    now, then = (column(run(stores, asof=at)[0], "clv.alive") for at in (ASOF, ASOF + timedelta(days=200)))
    assert np.nanmean(then) < np.nanmean(now)


def test_margin_and_those_who_are_apart(stores):
    put(stores, [o for o in bought() if o[1] < DAYS])
    whole = column(run(stores)[0], "clv")
    version, card = run(stores, Model("clv", kind="clv", horizon=MODEL.horizon, options={"margin": 0.5}))
    assert column(version, "clv") == pytest.approx(whole / 2, nan_ok=True)
    assert card["margin"] == 0.5
    version, card = run(stores, apart=range(100))
    assert np.isnan(column(version, "clv.alive")[:100]).all()
    assert card["buyers"] == SIZE - 100


def test_without_amounts_there_are_purchases_and_no_value(stores):
    put(stores, [(n, day, 0) for n, day, _ in bought() if day < DAYS])
    version, card = run(stores)
    assert "clv" not in version.headers
    assert "clv.purchases" in version.headers
    assert card["value"] == {"state": "refused", "why": "too_few_amounts", "count": 0, "least": 100}


def test_too_few_who_came_back_are_refused(stores):
    put(stores, [(n, n / 10, 5) for n in range(SIZE)])
    version, card = run(stores)
    assert card["state"] == "refused"
    assert card["code"] == "clv_too_few_repeats"
    assert not [name for name in version.headers if name.startswith("clv")]


def test_two_orders_of_a_day_are_one_purchase(stores):
    put(stores, [(n, n / 10 + part, 5) for n in range(SIZE) for part in (0, 1e-6)])
    assert run(stores)[1]["code"] == "clv_too_few_repeats"


@pytest.mark.parametrize(
    "options",
    [
        {"margin": 2},
        {"margin": True},
        {"weeks": 1.5},
        {"weeks": 0},
        {"discount": 1},
        {"method": "bgnbd"},
        {"method": 1},
    ],
)
def test_options_that_cannot_be(stores, options):
    with pytest.raises(BadDefinition, match="clv"):
        run(stores, Model("clv", kind="clv", options=options))


def test_features_are_not_read(stores):
    with pytest.raises(BadDefinition, match="features"):
        run(stores, Model("clv", kind="clv", features=("orders",)))


def test_it_needs_no_portraits_of_the_past():
    assert past_instants(Definitions({"models": {"clv": MODEL}}, {}), ASOF, ZONE) == ()
