"""Consents asked for, listed and stated by an operator."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from limner.app.workspace import Workspace
from limner.core.actor import Actor
from limner.core.errors import BadInput, Broken, NotFound
from limner.store.ledger.tables import audit, outbox
from small_shop import built_shop

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path):
    moments = iter(NOW + timedelta(minutes=n) for n in range(10_000))
    with Workspace(built_shop(tmp_path / "shop"), clock=lambda: next(moments)) as found:
        yield found


def states(shown):
    return {(one.purpose, one.channel): one.state for one in shown.standings}


def test_a_refusal_on_the_phone_stands_over_the_member_number_until_the_phone_grants(shop):
    mine = shop.consent("member_no:M3")
    assert states(mine.show()) == {("marketing", "mail"): "granted"}
    before = shop.clock()
    refused = shop.consent("phone:13800000003").refuse("mail", proof="called us")
    assert (refused.kind, refused.state) == ("phone", "refused")
    assert states(mine.show()) == {("marketing", "mail"): "refused"}
    again = mine.grant("mail", proof="signed form")
    assert (again.state, again.refused_on) == ("refused", ("phone",))
    granted = shop.consent("phone:13800000003").grant("mail", proof="signed form")
    assert (granted.state, granted.refused_on) == ("granted", ())
    assert states(mine.show(before)) == {("marketing", "mail"): "granted"}
    assert states(mine.show(known="2020-01-01")) == {}


def test_the_gate_hears_a_refusal_at_once(shop):
    plan = shop.plan("autumn")
    shop.consent(f"member_no:{member_of(shop, plan)}").refuse("mail", proof="called us")
    with pytest.raises(Broken, match="does not take messages"):
        plan.launch()
    with shop.stores.ledger.read() as connection:
        reasons = connection.execute(select(outbox.c.reason).where(outbox.c.state == "released")).scalars().all()
    assert reasons == ["changed_since_plan:consent"]


def member_of(shop, plan):
    """A member the plan granted."""
    for n in range(40):
        if plan.explain(f"member_no:M{n}").answer == "granted":
            return f"M{n}"
    raise AssertionError


def test_a_statement_needs_a_proof_and_its_addresses_are_masked(shop):
    mine = shop.consent("member_no:M3")
    with pytest.raises(BadInput, match="needs its proof"):
        mine.grant("mail", proof="  ")
    with pytest.raises(BadInput, match="1 or more"):
        mine.grant("mail", proof="form", uses=0)
    with pytest.raises(BadInput, match="before it begins"):
        mine.grant("mail", proof="form", until="2020-01-01")
    mine.refuse("mail", proof="13800000003 wrote from m3@example.com")
    assert mine.show().standings[0].by.proof == "138****03 wrote from m3***@example.com"
    with shop.stores.ledger.read() as connection:
        (body,) = connection.execute(select(audit.c.body).where(audit.c.verb == "consent refuse")).scalars()
    assert json.loads(body)["proof"] == "138****03 wrote from m3***@example.com"


def test_nobody_is_named_by_a_raw_address(shop):
    with pytest.raises(NotFound) as told:
        shop.consent("phone:13955556666").show()
    assert "13955556666" not in str(told.value)


def test_the_list_is_whole_and_says_no_address(shop, tmp_path):
    found = shop.consent().list(limit=5)
    assert (found.total, len(found.rows)) == (40, 5)
    assert shop.consent().list(channel="sms").total == 0
    shop.consent().list(output=tmp_path / "list.csv")
    text = (tmp_path / "list.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert len({row["customer_id"] for row in rows}) == len(rows) == 40
    assert "138000" not in text
    assert "@example" not in text


def test_an_operator_sees_own_customers_only(shop):
    one = shop.acting(Actor("branch", frozenset(), BitMap([1])))
    assert one.consent().list().total == 1
    mine = [n for n in range(40) if is_seen(one, f"member_no:M{n}")]
    assert len(mine) == 1


def is_seen(shop, customer):
    try:
        shop.consent(customer).show()
    except NotFound:
        return False
    return True
