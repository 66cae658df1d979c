"""Outcomes: what happened in the window of a decision, to the cent, for both arms alike."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from limner.flow.outcomes import OUTCOME_RULES
from limner.store.lake.tables import OUTCOMES
from limner.store.ledger.tables import outbox
from outcome_desk import LATER, NOW, Desk, campaign

ARMS = {1: "granted", 2: "granted", 3: "held_out", 4: "universal"}


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path / "shop")
    made.launch(campaign(), ARMS)
    made.events(
        [
            {"item_id": "coat", "name": "Coat", "cost": 60, "after": -90},
            {"item_id": "coat", "name": "Coat", "cost": 70, "after": -60},
            {"item_id": "coat", "name": "Coat", "cost": 999, "after": 90},
        ],
        "items",
    )
    return made


def order(who, amount, order_id, *, after=1, coupon=None, coupon_amount=None, **more):
    return {
        "name": "Order Completed", "who": who, "amount": amount, "order_id": order_id, "after": after,
        "p_coupon": coupon, "p_coupon_amount": coupon_amount,
    } | more  # fmt: skip


def line(who, order_id, quantity, *, name="Order Completed", item_id="coat", after=1):
    return {"name": name, "who": who, "order_id": order_id, "quantity": quantity, "item_id": item_id, "after": after}


def test_money_is_margin_less_benefit_less_contact_cost(desk):
    desk.events([order(1, 160, "o1", coupon="NZ40", coupon_amount=40), order(3, 200, "o2")])
    desk.events([line(1, "o1", 2), line(3, "o2", 2)], "lines")
    found = desk.outcomes()
    mine = found[1]
    assert (mine["orders"], mine["uncosted"], mine["revenue"]) == (1, 0, Decimal(160))
    assert mine["margin"] == Decimal("60.0000")  # 160 paid + 40 coupon - 2 x 70
    assert mine["benefit"] == Decimal(40)
    assert mine["money"] == Decimal("19.9500")
    assert found[3]["margin"] == found[3]["money"] == Decimal(60)
    assert found[2]["money"] == Decimal("-0.0500")
    assert found[4]["money"] == 0
    assert [found[n]["is_converted"] for n in ARMS] == [True, False, True, False]


def test_both_arms_have_the_same_half_open_window(desk):
    for who in (1, 3):
        desk.events(
            [
                order(who, 10, f"a{who}", after=-0.001),
                order(who, 20, f"b{who}", after=0),
                order(who, 40, f"c{who}", after=13.999),
                order(who, 80, f"d{who}", after=14),
            ]
        )
    found = desk.outcomes()
    assert found[1]["revenue"] == found[3]["revenue"] == Decimal(60)
    assert found[1]["converted_at"] == NOW
    assert found[1]["until_at"] == NOW + timedelta(days=14)
    assert found[1]["is_complete"]


def test_nothing_past_the_asof_is_seen(desk):
    desk.events([order(1, 20, "b", after=2), order(1, 40, "c", after=9)])
    early = desk.outcomes(NOW + timedelta(days=5))
    assert early[1]["revenue"] == Decimal(20)
    assert not early[1]["is_complete"]
    desk.events(
        [order(1, 80, "d", after=6), {"name": "Order Refunded", "who": 1, "amount": 20, "order_id": "b", "after": 6}]
    )
    assert desk.outcomes(NOW + timedelta(days=5)) == early
    assert desk.outcomes(NOW) == {}


def test_a_refund_takes_its_share_of_paid_coupon_and_cost_whenever_it_comes(desk):
    desk.events(
        [order(1, 160, "o1", coupon="NZ40", coupon_amount=40), order(2, 160, "o2", coupon="NZ40", coupon_amount=40)]
    )
    desk.events([line(1, "o1", 2), line(2, "o2", 2)], "lines")
    desk.events(
        [
            {"name": "Order Refunded", "who": 1, "amount": 160, "order_id": "o1", "after": 20},
            {"name": "Order Refunded", "who": 2, "amount": 40, "order_id": "o2", "after": 3},
        ]
    )
    found = desk.outcomes()
    assert (found[1]["margin"], found[1]["benefit"], found[1]["refunds"]) == (0, 0, Decimal(160))
    assert (found[2]["margin"], found[2]["benefit"], found[2]["refunds"]) == (Decimal(45), Decimal(30), Decimal(40))
    assert (found[1]["is_returned"], found[2]["is_returned"]) == (False, True), "seven days are watched"
    assert found[1]["is_converted"]
    assert not found[3]["is_returned"]


def test_a_refund_of_an_earlier_order_is_not_ours_and_one_of_an_unknown_order_is(desk):
    desk.events([order(1, 500, "old", after=-10)])
    desk.events(
        [
            {"name": "Order Refunded", "who": 1, "amount": 500, "order_id": "old", "after": 2},
            {"name": "Order Refunded", "who": 2, "amount": 100, "order_id": "C1", "after": 2},
            {"name": "Order Refunded", "who": 3, "amount": 30, "after": 2},
        ]
    )
    desk.events([line(2, "C1", 1, name="Order Refunded", after=2)], "lines")
    found = desk.outcomes()
    assert (found[1]["refunds"], found[1]["is_returned"]) == (0, False)
    assert (found[2]["refunds"], found[2]["margin"]) == (Decimal(100), Decimal(-30))
    assert (found[3]["refunds"], found[3]["margin"], found[3]["orders"]) == (Decimal(30), Decimal(-30), 0)


def test_the_benefit_is_of_all_redeemers_and_of_no_other_coupon(desk):
    desk.events(
        [
            order(1, 100, "o1", coupon="OTHER", coupon_amount=25),
            order(2, 100, "o2", coupon="NZ40"),
            order(3, 100, "o3", coupon="NZ40", coupon_amount=40),
        ]
    )
    found = desk.outcomes()
    assert [found[n]["benefit"] for n in (1, 2, 3)] == [0, Decimal(40), Decimal(40)]
    assert [found[n]["margin"] for n in (1, 2, 3)] == [Decimal(100), Decimal(140), Decimal(140)]
    assert found[1]["uncosted"] == 1


def test_a_benefit_without_a_code_is_taken_once_from_treated_buyers(tmp_path):
    desk = Desk(tmp_path / "shop")
    desk.offers["coupon"] = type(desk.offers["coupon"])("coupon", benefit=Decimal(8))
    desk.launch(campaign(), ARMS)
    desk.events([order(1, 10, "a"), order(1, 10, "b", after=2), order(3, 10, "c")])
    found = desk.outcomes()
    assert (found[1]["benefit"], found[1]["margin"]) == (Decimal(8), Decimal(20))
    assert found[3]["benefit"] == 0


def test_a_product_event_gives_its_own_cost_where_there_are_no_lines(desk):
    desk.events([order(1, 100, "o1", item_id="coat", quantity=1)])
    assert desk.outcomes()[1]["margin"] == Decimal(30)


def test_messages_and_guardrails(desk):
    first = 1_000_000
    desk.events(
        [
            {"name": "Message Clicked", "touch_id": first, "after": 0.1},
            {"name": "Message Delivered", "touch_id": first + 1, "after": 0.1},
            {"name": "Message Opened", "touch_id": first + 1, "after": 20},
            {"name": "Message Complained", "touch_id": first + 1, "after": 1},
            {"name": "Message Unsubscribed", "who": 3, "after": 1},
        ]
    )
    desk.refuse(desk.trace[1])
    desk.refuse(desk.trace[2], after=20)
    found = desk.outcomes()
    assert [found[1][f"is_{w}"] for w in ("handed_over", "delivered", "opened", "clicked", "opted_out")] == [True] * 5
    assert [found[2][f"is_{w}"] for w in ("delivered", "opened", "opted_out", "complained")] == [
        True,
        False,
        False,
        True,
    ]
    assert found[3]["is_opted_out"]
    assert not found[3]["is_handed_over"]


def test_events_on_any_identifier_of_the_customer_count(tmp_path):
    desk = Desk(tmp_path / "shop", records=[[("member_no", "A"), ("phone", "+8613800000001")], [("member_no", "B")]])
    desk.launch(campaign(), dict.fromkeys(desk.trace, "granted"))
    rows = [{"name": "Order Completed", "trace": trace, "amount": 5, "order_id": f"o{trace}"} for trace in (1, 2)]
    desk.events(rows)
    found = desk.outcomes()
    assert sorted(row["orders"] for row in found.values()) == [0, 2]


def test_a_merged_customer_keeps_one_number(tmp_path):
    from shop import put_identifiers

    desk = Desk(tmp_path / "shop", records=[[("member_no", "A")], [("phone", "+8613800000001")]])
    desk.launch(campaign(), dict.fromkeys(desk.trace, "granted"))
    desk.events([{"name": "Order Completed", "trace": 2, "amount": 5, "order_id": "o"}])
    put_identifiers(
        desk.stores, [[("member_no", "A"), ("phone", "+8613800000001")]], happened_at=NOW - timedelta(days=1), load=2
    )
    desk.link()
    desk.attach()
    rows = desk.stores.lake.table(_all()).to_pylist()
    assert len({row["number"] for row in rows}) == 1


def test_decisions_dropped_at_launch_have_no_outcome_later_ones_keep_theirs(desk):
    with desk.stores.ledger.write() as connection:
        for decision, reason in ((1_000_000, "changed_since_plan:consent"), (1_000_001, "expired")):
            connection.execute(
                update(outbox).where(outbox.c.decision == decision).values(state="released", reason=reason)
            )
    assert set(desk.outcomes()) == {2, 3, 4}


def test_a_plan_that_was_not_launched_has_no_outcomes(tmp_path):
    desk = Desk(tmp_path / "shop")
    desk.launch(campaign(), ARMS, state="made")
    attached = desk.attach()
    assert (attached.plans, attached.decisions) == (0, 0)


def test_the_next_decision_of_the_same_experiment_ends_the_window(desk):
    desk.launch(campaign(), ARMS, plan_id=2, moment=NOW + timedelta(days=5))
    desk.launch(campaign("other"), ARMS, plan_id=3, moment=NOW + timedelta(days=5))
    desk.events([order(1, 10, "a", after=4), order(1, 20, "b", after=6)])
    desk.attach()
    rows = [row for row in desk.stores.lake.table(_all()).to_pylist() if row["number"] == 1]
    assert {row["plan_id"]: row["revenue"] for row in rows} == {1: Decimal(10), 2: Decimal(20), 3: Decimal(20)}


def test_another_goal_than_an_order(tmp_path):
    desk = Desk(tmp_path / "shop")
    desk.launch(campaign(event="Store Visited", days=3), ARMS)
    desk.events([{"name": "Store Visited", "who": 1, "after": 2}, order(3, 10, "a")])
    found = desk.outcomes()
    assert found[1]["is_converted"]
    assert not found[3]["is_converted"]
    assert found[3]["revenue"] == Decimal(10)


def test_the_same_facts_in_another_order_give_the_same_bits(tmp_path):
    answers = []
    for turn in (1, -1):
        desk = Desk(tmp_path / f"shop{turn}")
        desk.launch(campaign(), ARMS)
        for row in [order(n, f"{n}.37", f"o{n}{k}", after=k) for n in ARMS for k in (1, 2)][::turn]:
            desk.events([row])
        answers.append(desk.outcomes(LATER))
    assert answers[0] == answers[1]


def test_every_rule_fills_columns_of_the_table_and_no_two_the_same():
    filled = [name for _, rule in OUTCOME_RULES for name in rule.fills]
    assert len(filled) == len(set(filled))
    assert set(filled) <= set(OUTCOMES.columns)


def _all():
    import sqlglot

    return sqlglot.parse_one("SELECT * FROM outcomes ORDER BY decision")
