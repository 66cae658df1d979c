"""Every kind of check: what it passes, what it breaks, and what it says when there is nothing to judge."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml

from intake import HEAD, NOW, ORDERS, Intake
from limner.core.definition import read
from limner.core.errors import BadDefinition
from limner.flow.sources.definition import Source
from limner.flow.sources.quality.declared import problems
from limner.flow.sources.quality.judging import compiled
from limner.flow.sources.quality.results import results_of
from limner.store.lake.tables import TABLES

COLUMNS = {name: table.columns for name, table in TABLES.items()}
ROWS = HEAD + (
    "A1,13912348678,M1,10,已付款,2026-08-31 10:00\n"
    "A2,13912348679,M2,,已付款,2026-08-30 10:00\n"
    "A3,13912348677,M3,-5,已付款,2026-08-29 10:00\n"
    "A4,13912348676,M4,400,已付款,2026-08-28 10:00\n"
)


def source(checks, text=ORDERS):
    return read(Source, {**yaml.safe_load(text), "checks": yaml.safe_load(checks)}, "sources/orders.yaml")


def said(tmp_path, check, rows=ROWS, text=ORDERS):
    """Verdict, value, bad and rows of one check over some rows."""
    shop = Intake(tmp_path)
    shop.definitions = type(shop.definitions)({"sources": {"orders": source(f"[{check}]", text)}}, {})
    shop.load(shop.put("orders.csv", rows))
    (result,) = results_of(shop.stores.ledger, [1])[1]
    return result.verdict, result.value, result.bad, result.rows


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("{check: range, column: 实付, at_least: 0}", ("failed", "33.33%", 1, 3)),
        ("{check: range, column: events.amount, at_most: 400}", ("passed", "0%", 0, 3)),
        ("{check: range, column: 实付, at_least: 0, allow: 0.4}", ("passed", "33.33%", 1, 3)),
        ("{check: range, column: 实付, at_least: 0, event: Product Viewed}", ("unknown", "0%", 0, 0)),
        ("{check: null_share, column: events.item_id, at_most: 0.5}", ("failed", "100%", 3, 3)),
        ("{check: null_share, column: 实付, at_most: 0}", ("passed", "0%", 0, 3)),
        ("{check: unique, column: 订单号}", ("passed", "0%", 0, 3)),
        ("{check: unique, columns: [events.name, events.via]}", ("unknown", "0%", 0, 0)),
        ("{check: unique, column: events.name}", ("failed", "66.67%", 2, 3)),
        ("{check: pattern, column: 订单号, pattern: 'A[0-9]+'}", ("passed", "0%", 0, 3)),
        ("{check: pattern, column: 订单号, pattern: 'A[13]'}", ("failed", "33.33%", 1, 3)),
        ("{check: accepted, column: events.name, values: [Order Completed]}", ("passed", "0%", 0, 3)),
        ("{check: accepted, column: 订单号, values: [A1]}", ("failed", "66.67%", 2, 3)),
        ("{check: reference, column: 订单号, exists_in: events.order_id}", ("passed", "0%", 0, 3)),
        ("{check: reference, column: 订单号, exists_in: items.item_id}", ("failed", "100%", 3, 3)),
        ("{check: freshness, within: 2d}", ("passed", "24h", None, 3)),
        ("{check: freshness, within: 1h}", ("failed", "24h", None, 3)),
        ("{check: volume, at_least: 4, at_most: 4}", ("passed", "4", None, 1)),
        ("{check: volume, at_most: 3}", ("failed", "4", None, 1)),
        ("{check: volume, usual: 0.5}", ("unknown", "4", None, 1)),
        ("{check: sum, column: 实付, at_least: 405, at_most: 405}", ("passed", "405", None, 3)),
        ("{check: sum, column: 实付, at_least: 406}", ("failed", "405", None, 3)),
        ("{check: rejects, at_most: 0.25}", ("passed", "25%", 1, 4)),
        ("{check: rejects, at_most: 0.2}", ("failed", "25%", 1, 4)),
        ("{check: anonymous, at_most: 0}", ("passed", "0%", 0, 4)),
        ("{check: pace, at_most: 1}", ("passed", "1", None, 3)),
    ],
)
def test_a_check_says_what_it_found(tmp_path, check, expected):
    assert said(tmp_path, check) == expected


def test_a_trait_is_missed_by_people_not_by_rows(tmp_path):
    members = """
id: orders
identifiers: {member_no: 会员号}
traits: {city: 城市, points: {column: 积分, type: number}}
"""
    rows = "会员号,城市,积分\nM1,上海,3\nM2,,9\nM3,,\nM1,,\n"
    assert said(tmp_path / "a", "{check: null_share, column: 城市, at_most: 0.5}", rows, members) == (
        "failed", "66.67%", 2, 3,
    )  # fmt: skip
    assert said(tmp_path / "b", "{check: range, column: traits.points, at_most: 5}", rows, members)[:2] == (
        "failed", "50%",
    )  # fmt: skip


def test_consents_can_be_held_to_checks(tmp_path):
    optins = """
id: orders
identifiers: {phone: 手机号}
consents:
  - {channel: 渠道, granted: 同意, happened_at: 时间}
"""
    rows = "手机号,渠道,同意,时间\n13912348678,sms,是,2026-08-01 10:00\n13912348679,fax,否,2026-08-01 10:00\n"
    check = "{check: accepted, column: 渠道, values: [sms, email]}"
    assert said(tmp_path, check, rows, optins) == ("failed", "50%", 1, 2)


def test_what_is_usual_is_the_median_of_the_loads_before(tmp_path):
    shop = Intake(tmp_path, ORDERS + "checks: [{check: volume, usual: 0.5, level: hard}]\n")
    for day in range(6):
        lines = "".join(f"D{day}-{n},1391234{day}{n:03},M{n},5,已付款,2026-08-01 10:00\n" for n in range(10))
        assert shop.load(shop.put(f"orders{day}.csv", HEAD + lines), now=NOW + timedelta(hours=day)).held == ()
    found = shop.load(
        shop.put("orders9.csv", HEAD + "Z1,13912348999,M1,5,已付款,2026-08-01 10:00\n"), now=NOW + timedelta(days=1)
    )
    assert found.held == (7,)
    assert [(one.value, one.bound) for one in found.broken] == [("1", "10 ± 50%")]


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("{check: null_share, column: 实付}", "the check 'null_share' needs at_most"),
        ("{check: range, column: 实付}", "needs at_least or at_most"),
        ("{check: volume}", "needs at_least or at_most or usual"),
        ("{check: null_share, column: 实付, at_most: 5}", "at_most is 5, it must be a share from 0 to 1"),
        ("{check: range, column: 实付, at_least: 5, at_most: 1}", "at_least is 5, it must be at most 1"),
        ("{check: pattern, column: 实付, pattern: '('}", "cannot be read"),
        ("{check: volume, usual: 0}", "usual is 0"),
    ],
)
def test_a_check_that_cannot_be_made_is_refused(check, message):
    (error,) = problems(source(f"[{check}]"))
    assert message in str(error)
    assert "checks[0]" in str(error)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("{check: null_share, column: 实付额, at_most: 0}", "Did you mean '实付'"),
        ("{check: null_share, column: 手机号, at_most: 0}", "is an identifier: its values are not kept"),
        ("{check: null_share, column: events.amout, at_most: 0}", "no column 'events.amout'"),
        ("{check: reference, column: 订单号, exists_in: items.id}", "exists_in names 'items.id'"),
    ],
)
def test_a_check_on_what_is_not_there_is_refused(check, message):
    with pytest.raises(BadDefinition) as caught:
        compiled(source(f"[{check}]"), COLUMNS)
    assert message in str(caught.value)
