"""Measures: the arms by assignment, the lift with its interval, money, and one word."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from limner.core.actor import OWNER, Actor
from limner.core.errors import NotFound
from limner.flow.identity.history import changes, undo
from limner.flow.measures import METRICS, earned, keep, measure, trials
from limner.maths.arms import salt, shares
from limner.maths.verdict import Step, Verdict
from outcome_desk import LATER, NOW, Desk, campaign
from shop import put_identifiers

pytest.importorskip("tea_tasting")
PEOPLE = 4_000


def drawn(numbers, holdout, name):
    held = shares(np.asarray(numbers), salt(name)) < holdout
    return {int(n): "held_out" if h else "granted" for n, h in zip(numbers, held, strict=True)}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Three campaigns over 4,000 customers: one that works, one that loses money, one nobody can tell."""
    made = Desk(tmp_path_factory.mktemp("measures") / "shop", PEOPLE)
    numbers = sorted(made.trace)
    rng = np.random.default_rng(5)
    for plan_id, (name, base, effect, coupon, offer) in enumerate(
        (("works", 0.10, 0.10, 0, "words"), ("loses", 0.30, 0.0, 60, "coupon"), ("unclear", 0.05, 0.002, 0, "words")), 1
    ):
        arms = drawn(numbers, 0.3, f"{name}:{offer}")
        made.launch(campaign(name, offers=(offer,), holdout=0.3), arms, plan_id=plan_id, moment=at(name))
        rows = []
        for number, arm in arms.items():
            is_treated = arm == "granted"
            if rng.random() < base + effect * is_treated:
                paid = round(float(rng.uniform(80, 120)), 2)
                rows.append(
                    {
                        "name": "Order Completed",
                        "who": number,
                        "amount": paid,
                        "order_id": f"{name}{number}",
                        "after": (at(name) - NOW) / timedelta(days=1) + 1,
                        "p_coupon": "NZ40" if is_treated and coupon else None,
                        "p_coupon_amount": coupon if is_treated and coupon else None,
                        "item_id": "coat",
                        "quantity": 1,
                    }
                )
                rows[-1]["amount"] = round(paid - (coupon if is_treated else 0), 2)
        made.events(rows)
    made.events([{"item_id": "coat", "name": "Coat", "cost": 30, "after": -90}], "items")
    made.attach(NOW + timedelta(days=200))
    return made


def at(name):
    return NOW + timedelta(days={"works": 0, "loses": 30, "unclear": 60}.get(name, 0))


def ask(desk, name, **more):
    asof = more.pop("asof", NOW + timedelta(days=200))
    return measure(desk.stores, desk.definitions, name, who=more.pop("who", OWNER), asof=asof, **more)


def test_a_campaign_that_works(desk):
    found = ask(desk, "works")
    assert found.verdict is Verdict.WORKS
    assert found.step is Step.KEEP
    lift = found.lift().found
    assert lift.low < 0.10 < lift.high
    granted, held = found.arm("granted"), found.arm("held_out")
    assert granted.customers + held.customers == PEOPLE
    assert lift.estimate == pytest.approx(granted.rate - held.rate)
    per_customer = granted.money / granted.customers - held.money / held.customers
    assert found.money.estimate == pytest.approx(float(per_customer * granted.customers))
    assert found.hold_out_price.estimate == pytest.approx(float(per_customer * held.customers))


def test_a_coupon_for_people_who_would_have_bought_anyway_loses_money(desk):
    found = ask(desk, "loses")
    assert found.verdict is Verdict.LOSES_MONEY
    assert found.step is Step.CHEAPER_OR_NARROWER
    assert found.arm("granted").benefit == Decimal(60) * found.arm("granted").converted
    assert found.money.high < 0


def test_cannot_tell_says_how_many_more_it_takes(desk):
    found = ask(desk, "unclear")
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.step in (Step.MORE_CUSTOMERS, Step.NO_EFFECT)
    assert (found.more_customers is None) == (found.step is Step.NO_EFFECT)


def test_the_document_has_its_stable_keys(desk):
    document = ask(desk, "works").to_json()
    assert set(document["lift"]) >= {"metric", "estimate", "low", "high", "verdict"}
    assert document["lift"]["metric"] == "conversion"
    assert document["lift"]["verdict"] == "works"
    assert [arm["arm"] for arm in document["arms"]] == ["granted", "held_out"]
    assert set(document["arms"][0]) >= {"customers", "converted", "revenue"}
    text = repr(ask(desk, "works"))
    assert "verdict: works" in text
    assert "granted" in text


def test_the_funnel_goes_down(desk):
    row = ask(desk, "works").funnel[0]
    assert row.granted == row.sent >= row.delivered >= row.clicked
    assert row.cost == Decimal("0.05") * row.sent


def test_the_sum_over_campaigns_adds_squared_errors(desk):
    found = [ask(desk, name) for name in ("works", "loses", "unclear")]
    total = earned(found)
    assert total.campaigns == 3
    assert total.money.estimate == pytest.approx(sum(one.money.estimate for one in found))
    widths = [one.money.high - one.money.low for one in found]
    assert total.money.high - total.money.low == pytest.approx(sum(w**2 for w in widths) ** 0.5)
    assert earned([]).money is None


def test_results_stand_in_the_lake(desk):
    import sqlglot

    found = [ask(desk, name) for name in ("works", "loses")]
    assert keep(desk.stores, "r1", found) > 20
    query = sqlglot.parse_one(
        "SELECT value FROM results WHERE campaign = 'works' AND metric = 'conversion' AND name = 'low'"
    )
    value = desk.stores.lake.table(query, versions={"results": "r1"})["value"].to_pylist()
    assert value == [found[0].lift().found.low]
    assert keep(desk.stores, "r2", []) == 0


def test_an_actor_sees_customers_in_scope_only(desk):
    branch = Actor("branch", frozenset(), frozenset(range(1, 1001)))
    found = ask(desk, "works", who=branch)
    assert sum(arm.customers for arm in found.arms) == 1000
    assert found.funnel == ()


def test_a_campaign_without_outcomes_is_named(desk):
    with pytest.raises(NotFound, match=r"'work' has no outcomes yet.*'works'"):
        ask(desk, "work")
    assert [trial.campaign for trial in trials(desk.stores)] == ["loses", "unclear", "works"]


def test_every_metric_says_what_it_needs():
    for name, kind in METRICS:
        assert kind.__doc__, name
        assert kind.flags or kind.amounts, name
        assert kind.unit in ("share", "money"), name
        assert kind.bound is None or kind.bound >= 0, name


# smaller shops


def small(tmp_path, arms, **more):
    desk = Desk(tmp_path / "shop", len(arms))
    desk.launch(campaign(**more), dict(zip(sorted(desk.trace), arms, strict=True)))
    return desk


def test_broken_arms_state_no_money(tmp_path):
    desk = small(tmp_path, ["granted"] * 60 + ["held_out"] * 40, holdout=0.1)
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    assert found.ratio.is_broken
    assert (found.verdict, found.step) == (Verdict.CANNOT_TELL, Step.CHECK_ARMS)
    assert found.money is None
    assert found.hold_out_price is None
    assert all(lift.found is None for lift in found.lifts if lift.unit == "money")
    assert "not what was drawn" in repr(found)
    assert found.to_json()["money"] is None


def test_without_a_hold_out_nothing_can_be_told(tmp_path):
    desk = small(tmp_path, ["granted"] * 5, holdout=0.0)
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    assert (found.verdict, found.step, found.money) == (Verdict.CANNOT_TELL, Step.KEEP_HOLD_OUT, None)
    assert found.lift() is None
    assert found.to_json()["lift"] == {"metric": "conversion", "verdict": "cannot_tell"}
    assert "held_out" in repr(found)


def test_open_windows_wait(tmp_path):
    desk = small(tmp_path, ["granted"] * 8 + ["held_out"] * 4, holdout=0.3)
    early = NOW + timedelta(days=5)
    desk.attach(early)
    found = ask(desk, "gift", asof=early)
    assert found.is_preliminary
    assert found.open_decisions == 12
    assert found.open_until == NOW + timedelta(days=14)
    assert found.step is Step.WAIT
    assert "preliminary: 12 windows" in repr(found)
    assert earned([found]).left_out == 1


def test_only_complete_windows_count_when_there_are_some(tmp_path):
    desk = small(tmp_path, ["granted"] * 8 + ["held_out"] * 4, holdout=0.3)
    others = dict.fromkeys(sorted(desk.trace)[:2], "granted")
    desk.launch(campaign(holdout=0.3), others, plan_id=2, moment=NOW + timedelta(days=20))
    desk.attach(NOW + timedelta(days=25))
    found = ask(desk, "gift", asof=NOW + timedelta(days=25))
    assert not found.is_preliminary
    assert found.open_decisions == 2
    assert found.arm("granted").customers == 8


def test_a_customer_met_in_both_arms_is_left_out(tmp_path):
    desk = small(tmp_path, ["granted"] * 8 + ["held_out"] * 4, holdout=0.3)
    first = min(desk.trace)
    desk.launch(campaign(holdout=0.3), {first: "held_out"}, plan_id=2, moment=NOW + timedelta(days=1))
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    assert found.mixed == 1
    assert found.arm("granted").customers == 7


def test_arms_that_meet_in_a_merge_are_mixed_until_it_is_undone(tmp_path):
    desk = Desk(tmp_path / "shop", records=[[("unionid", f"u{i}")] for i in range(12)])
    numbers = sorted(desk.trace)
    arms = dict(zip(numbers, ["granted"] * 8 + ["held_out"] * 4, strict=True))
    desk.launch(campaign(holdout=0.3), arms)
    put_identifiers(
        desk.stores, [[("unionid", "u0"), ("unionid", "u11")], [("unionid", "u1"), ("unionid", "u2")]], load=2
    )
    desk.link()
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    assert (found.mixed, found.arm("granted").customers, found.arm("held_out").customers) == (1, 6, 3)
    first = changes(desk.stores)[-1]
    undo(desk.stores, first.seq, who=OWNER, now=NOW)
    desk.link()
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    assert (found.mixed, found.arm("granted").customers, found.arm("held_out").customers) == (0, 7, 4)


def test_universal_hold_outs_are_in_neither_arm(tmp_path):
    desk = small(tmp_path, ["granted"] * 8 + ["held_out"] * 4 + ["universal"] * 3, holdout=0.3)
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    assert found.universal == 3
    assert sum(arm.customers for arm in found.arms) == 12


def test_two_decisions_of_one_customer_are_one_unit(tmp_path):
    desk = small(tmp_path, ["granted"] * 8 + ["held_out"] * 4, holdout=0.3)
    arms = dict(zip(sorted(desk.trace), ["granted"] * 8 + ["held_out"] * 4, strict=True))
    desk.launch(campaign(holdout=0.3), arms, plan_id=2, moment=NOW + timedelta(days=3))
    desk.events([{"name": "Order Completed", "who": 1, "amount": 50, "order_id": f"o{k}", "after": k} for k in (1, 4)])
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    granted = found.arm("granted")
    assert (granted.customers, granted.converted, granted.orders, granted.revenue) == (8, 1, 2, Decimal(100))


def test_few_buyers_do_not_make_a_gain(tmp_path):
    """Two big orders among 40 treated and none among 20 held out: the money's interval is blind, the verdict is not."""
    desk = small(tmp_path, ["granted"] * 40 + ["held_out"] * 20, holdout=1 / 3)
    desk.events([{"name": "Order Completed", "who": n, "amount": 1000, "order_id": f"o{n}"} for n in (1, 2, 3, 4, 5)])
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    assert found.money.low > 0
    assert found.verdict is Verdict.CANNOT_TELL


def test_too_many_opt_outs_are_harmful(tmp_path):
    desk = small(tmp_path, ["granted"] * 200 + ["held_out"] * 100, holdout=1 / 3)
    for number in range(1, 60):
        desk.refuse(desk.trace[number])
    desk.attach()
    found = ask(desk, "gift", asof=LATER)
    assert found.verdict is Verdict.HARMFUL
    assert [lift.metric for lift in found.guardrails if lift.is_breached] == ["opt_out"]
    without = replace(campaign(holdout=1 / 3), experiment=replace(campaign().experiment, holdout=1 / 3, guardrails=()))
    desk.campaigns["gift"] = without
    assert ask(desk, "gift", asof=LATER).verdict is not Verdict.HARMFUL


def test_with_and_without_grouping_by_customer_the_sums_are_the_same(desk):
    from sqlglot import exp

    from limner.flow.measures.arms import arm_of, columns_of_metrics, sums, units

    columns = columns_of_metrics()
    rows = exp.select("*").from_("outcomes").where(exp.column("campaign").eq("works"))
    found = [
        {
            row["arm"]: arm_of(row, columns)
            for row in desk.stores.lake.table(sums(units(rows, columns, is_single=is_single), columns)).to_pylist()
        }
        for is_single in (True, False)
    ]
    assert found[0] == found[1]
    assert set(found[0]) == {"granted", "held_out"}
