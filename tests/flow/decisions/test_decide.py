"""The gate answers every wish, in one order of reasons, and its limits hold."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from pyroaring import BitMap
from sqlalchemy import insert

from limner.core.actor import OWNER
from limner.core.ours import Campaign, Cap, Channel, Experiment, Offer, Period, Policy
from limner.flow.decisions.candidates import Ground, Option
from limner.flow.decisions.consent_book import ConsentBook
from limner.flow.decisions.decide import decide, held_out
from limner.flow.decisions.launch import grant
from limner.flow.decisions.plans import Basis, decisions_of, read_plan, write_plan
from limner.flow.decisions.recheck import Gate
from limner.flow.identity import resolve
from limner.flow.journeys import advance
from limner.flow.profiles import build
from limner.store.definitions import Definitions
from limner.store.ledger.tables import outbox
from shop import NOW, open_shop, put_consent, put_identifiers

SMS = Channel("sms", "webhook", consent="sms", price=Decimal("0.05"))
OFFER = Offer("hello", value="worth")
CAMPAIGN = Campaign(
    "c1",
    "all",
    ("hello",),
    ("sms",),
    Period("2026-09-01T09:00", "2026-09-03T22:00"),
    experiment=Experiment(holdout=0.0),
)
POLICY = Policy(universal_holdout=0.0)


class Shop:
    def __init__(self, folder, people=40, channels=(SMS,)):
        self.stores = open_shop(folder)
        phones = [[("member_no", f"M{i}"), ("phone", f"+861380000{i:04}")] for i in range(people)]
        put_identifiers(self.stores, phones)
        self.definitions = Definitions({"channels": {c.id: c for c in channels}}, {})
        for i in range(people):
            put_consent(self.stores, 2 * i + 1, "sms", is_granted=True)
        self.version = self.build()

    def build(self):
        name = f"g{len(self.stores.gallery.versions())}"
        found = resolve(self.stores, name, who=OWNER, asof=NOW, now=NOW)
        draft = self.stores.gallery.draft()
        build(self.stores, self.definitions, draft, name, asof=NOW)
        worth = np.arange(draft.size) * 10_000
        draft.put("worth", worth, type="money")
        self.links = name
        assert found.size == draft.size
        return draft.seal(name)

    def ground(self, policy=POLICY, now=NOW):
        book = ConsentBook(self.stores, self.links)
        return Ground(self.stores, self.version, policy, book, lambda rule: BitMap([1, 2, 3]), now)

    def decide(self, campaign=CAMPAIGN, policy=POLICY, offer=OFFER, channels=(SMS,), now=NOW):
        wishes = advance(
            campaign, self.version.living, who=OWNER, entry_key="1", zone=self.stores.settings.zone, now=now
        )
        options = tuple(Option(offer, c, int(c.price * 10_000)) for c in channels)
        held = held_out(np.asarray(wishes.numbers), campaign, policy.universal_holdout, policy.universal_salt, {})
        return decide(wishes, options, campaign, held, self.ground(policy, now)), wishes, options

    def launch(self, campaign=CAMPAIGN, policy=POLICY, now=NOW, plan_id=1):
        decided, wishes, options = self.decide(campaign, policy, now=now)
        basis = Basis(NOW, self.version.name, self.links, "v", 0)
        write_plan(self.stores, campaign, decided, basis, plan_id=plan_id, who=OWNER, now=now, latest=wishes.latest)
        return self.grant(campaign, wishes, options, policy, now, plan_id)

    def grant(self, campaign, wishes, options, policy=POLICY, now=NOW, plan_id=1):
        return grant(
            read_plan(self.stores, plan_id),
            campaign,
            wishes,
            options,
            self.ground(policy, now),
            parameters=lambda _option, numbers: [{}] * len(numbers),
        )

    def outbox(self):
        with self.stores.ledger.read() as connection:
            return connection.execute(outbox.select().order_by(outbox.c.decision)).mappings().all()


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path / "shop")
    yield found
    found.stores.close()


def test_everybody_who_may_is_granted(shop):
    decided, *_ = shop.decide()
    assert decided.count("granted") == 40
    assert set(decided.moment.tolist()) == {int(NOW.timestamp() * 1e6)}
    assert decided.total_cost() == Decimal("2.0000")


def test_reasons_add_up_and_come_in_order(shop):
    put_consent(shop.stores, 1, "sms", is_granted=False, happened_at=NOW - timedelta(days=1))
    put_consent(shop.stores, 4, "sms", is_granted=False, happened_at=NOW - timedelta(days=1))  # on the phone
    offer = replace(OFFER, eligibility="orders > 3")
    decided, *_ = shop.decide(offer=offer)
    assert decided.reasons() == {"eligible": 37, "consent": 2}
    assert decided.count("granted") + decided.count("refused") == 40


def test_a_later_grant_on_the_same_identifier_ends_a_refusal(shop):
    put_consent(shop.stores, 1, "sms", is_granted=False, happened_at=NOW - timedelta(days=2))
    assert shop.decide()[0].reasons() == {"consent": 1}
    put_consent(shop.stores, 2, "sms", is_granted=True, happened_at=NOW - timedelta(days=1))
    assert shop.decide()[0].reasons() == {"consent": 1}, "a grant on another identifier does not"
    put_consent(shop.stores, 1, "sms", is_granted=True, happened_at=NOW - timedelta(hours=1))
    assert shop.decide()[0].count("granted") == 40


def test_capacity_goes_by_value_over_days(shop):
    channel = replace(SMS, capacity=10)
    decided, *_ = shop.decide(channels=(channel,))
    assert decided.reasons() == {"capacity": 10}  # three days of ten
    best = np.argsort(-decided.value)[:30]
    assert (decided.answer[best] == "granted").all()
    days = np.unique((decided.moment[best] + 8 * 3_600_000_000) // 86_400_000_000, return_counts=True)[1]
    assert days.tolist() == [10, 10, 10]


def test_budget_is_not_overspent(shop):
    campaign = replace(CAMPAIGN, budget=Decimal("0.98"))
    decided, *_ = shop.decide(campaign)
    assert decided.count("granted") == 19
    assert decided.reasons() == {"budget": 21}


def test_quiet_hours_move_the_moment(shop):
    night = NOW + timedelta(hours=12)  # 22:00
    decided, *_ = shop.decide(now=night)
    assert {m // 1_000_000 for m in decided.moment.tolist()} == {int((NOW + timedelta(hours=22)).timestamp())}
    campaign = replace(CAMPAIGN, period=Period("2026-09-01T21:30", "2026-09-02T07:00"))
    assert shop.decide(campaign, now=night)[0].reasons() == {"quiet": 40}


def test_caps_and_gaps_count_reservations_of_another_campaign(shop):
    shop.launch()
    other = replace(CAMPAIGN, id="c2")
    assert shop.decide(other)[0].count("granted") == 40, "the next day is free"
    short = replace(other, period=Period("2026-09-01T09:00", "2026-09-01T20:00"))
    assert shop.decide(short)[0].reasons() == {"caps": 40}
    loose = Policy(universal_holdout=0.0, caps=(Cap(5, timedelta(days=7)),), gap=timedelta(hours=12))
    assert shop.decide(short, loose)[0].reasons() == {"gaps": 40}


def test_a_used_up_consent_carries_one_message(tmp_path):
    channel = replace(SMS, id="mini", consent="mini", is_used_up=True)
    shop = Shop(tmp_path / "shop", people=3, channels=(channel,))
    for trace in (1, 3):
        put_consent(shop.stores, trace, "mini", is_granted=True, uses=1)
    put_consent(shop.stores, 1, "mini", is_granted=True, uses=1, happened_at=NOW - timedelta(days=3))
    policy = Policy(universal_holdout=0.0, caps=(), gap=timedelta(0))
    granted = []
    for turn in range(3):
        campaign = replace(CAMPAIGN, id=f"c{turn}")
        decided, wishes, options = shop.decide(campaign, policy, channels=(channel,))
        basis = Basis(NOW, shop.version.name, shop.links, "v", 0)
        write_plan(shop.stores, campaign, decided, basis, plan_id=turn + 1, who=OWNER, now=NOW, latest=wishes.latest)
        shop.grant(campaign, wishes, options, policy, plan_id=turn + 1)
        granted.append(decided.count("granted"))
    assert granted == [2, 1, 0]
    shop.stores.close()


def test_holdouts_are_asked_last_and_take_no_room(tmp_path):
    shop = Shop(tmp_path / "shop", people=600)
    campaign = replace(CAMPAIGN, experiment=Experiment(holdout=0.3))
    policy = Policy(universal_holdout=0.1)
    channel = replace(SMS, capacity=50)
    decided, *_ = shop.decide(campaign, policy, channels=(channel,))
    assert decided.count("granted") == 150
    held = decided.reasons("held_out")
    assert 35 < held["campaign"] < 95
    assert 8 < held["universal"] < 45
    assert sum(map(decided.count, ("granted", "held_out", "refused"))) == 600
    shop.stores.close()


def test_a_transactional_message_is_owed(shop):
    put_consent(shop.stores, 1, "sms", is_granted=False, happened_at=NOW - timedelta(days=1))
    campaign = replace(CAMPAIGN, message_class="transactional", experiment=Experiment(holdout=0.5))
    decided, *_ = shop.decide(campaign, now=NOW + timedelta(hours=13))
    assert decided.count("granted") == 40


def test_a_plan_is_launched_once_and_drops_what_changed(shop):
    campaign = replace(CAMPAIGN, experiment=Experiment(holdout=0.25))
    decided, wishes, options = shop.decide(campaign)
    basis = Basis(NOW, shop.version.name, shop.links, "v", 0)
    plan = write_plan(shop.stores, campaign, decided, basis, plan_id=1, who=OWNER, now=NOW, latest=wishes.latest)
    assert plan.granted + plan.held_out == 40
    assert decisions_of(shop.stores, 1).num_rows == 40
    for trace in (1, 3, 5, 7, 9, 11, 13, 15):
        put_consent(shop.stores, trace, "sms", is_granted=False, happened_at=NOW - timedelta(minutes=1))
    found = shop.grant(campaign, wishes, options)
    assert found.dropped == {"consent": 8}
    assert found.reserved + found.held_out == 32
    rows = shop.outbox()
    assert len(rows) == 40
    assert {row["reason"] for row in rows if row["state"] == "released"} == {"changed_since_plan:consent"}
    assert len({row["message_key"] for row in rows}) == 40
    again = shop.grant(campaign, wishes, options)
    assert again.reserved == 0
    assert len(shop.outbox()) == 40


def test_the_second_question_sees_an_opt_out_and_not_its_own_reservation(shop):
    shop.launch()
    rows = [SimpleNamespace(**row) for row in shop.outbox() if row["state"] == "queued"]
    gate = Gate(
        shop.stores, {"sms": SMS}, {"c1": POLICY}, {"c1": ""}, ConsentBook(shop.stores, shop.links), shop.version
    )
    assert {said.reason for said in gate.ask(rows, NOW)} == {""}
    put_consent(shop.stores, rows[0].trace - 1, "sms", is_granted=False, happened_at=NOW)
    later = NOW + timedelta(seconds=1)
    assert [said.reason for said in gate.ask(rows, later)].count("consent") == 1
    night = gate.ask(rows[1:], NOW + timedelta(hours=12))
    assert {said.moment for said in night} == {NOW + timedelta(hours=22)}
    with shop.stores.ledger.write() as connection:
        clone = dict(vars(rows[1])) | {"decision": 9999, "message_key": "x", "campaign": "c2"}
        connection.execute(insert(outbox).values(**clone))
    assert gate.ask([rows[1]], NOW)[0].reason == "caps"
