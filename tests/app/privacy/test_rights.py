"""A person kept apart: everything stays, nothing is done with it, until that is lifted."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from limner.app.workspace import Workspace
from limner.core.errors import BadInput, Broken
from limner.store.ledger.tables import outbox
from small_shop import built_shop

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)
WHO = "member_no:M13"


@pytest.fixture
def shop(tmp_path):
    moments = iter(NOW + timedelta(seconds=n) for n in range(100_000))
    with Workspace(built_shop(tmp_path / "shop"), clock=lambda: next(moments)) as found:
        yield found


def test_a_restricted_person_is_in_no_audience_and_can_be_asked_about(shop):
    number = shop.customer(WHO).show().number
    before = shop.audience("buyers").count().count
    done = shop.privacy.restrict(WHO, why="disputes the data")
    assert (done.is_on, done.was, done.identifiers) == (True, False, 3)
    assert shop.audience("buyers").count().count == before - 1
    assert shop.audience("not orders >= 100").count().count == 39
    assert shop.customer(WHO).show().number == number
    assert shop.customer(shop.customer(WHO).show().customer_id).show().number == number
    assert shop.check().reconciled.difference in (None, 0)
    shop.run("2026-09-02")
    assert shop.audience("buyers").count().count == before - 1
    shop.privacy.restrict(WHO, why="settled", lift=True)
    assert shop.audience("not orders >= 100").count().count == 40
    shop.run("2026-09-03")
    assert shop.audience("buyers").count().count == before


def test_a_restricted_person_is_in_no_plan_and_leaves_those_under_way(shop):
    plan = shop.plan("autumn")
    gone = next(f"member_no:M{n}" for n in range(11, 40) if plan.explain(f"member_no:M{n}").answer == "granted")
    shop.privacy.restrict(gone, why="a letter")
    assert shop.plan("autumn").planned.audience == plan.planned.audience - 1
    with pytest.raises(Broken, match="does not take messages"):
        plan.launch()
    with shop.stores.ledger.read() as connection:
        reasons = connection.execute(select(outbox.c.reason).where(outbox.c.state == "released")).scalars().all()
    assert reasons == ["changed_since_plan:consent"]


def test_it_follows_the_person_through_a_merge(shop):
    shop.privacy.restrict(WHO, why="a letter")
    more = shop.folder / "data" / "more.csv"
    text = "会员号,手机号,邮箱,城市,姓名,入会日期\nM14,13800000013,m14@example.com,杭州,赵,2026-08-01\n"
    more.write_text(text, encoding="utf-8")
    shop.collect(more, source="members")
    shop.run("2026-09-02")
    assert shop.audience("not orders >= 100").count().count == 38


def test_it_needs_a_reason(shop):
    with pytest.raises(BadInput, match="--why"):
        shop.privacy.restrict(WHO, why=" ")
