"""The report of a real workspace: built where it must be, adding up, and written as a page."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from limner.app.reporting import Report, report
from limner.app.workspace import Workspace
from limner.core.errors import BadInput
from limner.edge.plain import as_json
from limner.edge.report import page
from small_shop import built_shop, write_shop

LISTS = """
kind: file
address: member_no
price: 0.5
consent: mail
options: {folder: lists, columns: {会员号: address, 话术: text}}
"""
OFFER = 'name: 问候 <b>\nbenefit: 2\ncontent: {mail: {text: "秋天的新款到了。"}}\n'
CAMPAIGN = """
name: 秋天
audience: buyers
offers: [hello]
channels: [mail]
period: {earliest: "2026-09-01T09:00", latest: "2026-09-02T20:00"}
experiment: {holdout: 0.3}
"""
LAUNCH, LATER = datetime(2026, 9, 1, 2, tzinfo=UTC), datetime(2026, 9, 20, 2, tzinfo=UTC)


class Clock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


def launched(folder: Path, campaign: str) -> Report:
    """A shop whose campaign has been launched and whose windows are over."""
    home = built_shop(folder)
    for name, text in (("channels/mail", LISTS), ("offers/hello", OFFER), ("campaigns/autumn", campaign)):
        (home / f"{name}.yaml").write_text(text, encoding="utf-8")
    clock = Clock(LAUNCH)
    with Workspace(home, clock=clock) as shop:
        shop.apply()
        shop.run("2026-09-01")
        shop.launch(shop.plan("autumn").plan_id)
        clock.moment = LATER
        shop.run()
        return report(shop, lang="zh")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return launched(tmp_path_factory.mktemp("gather") / "shop", CAMPAIGN)


def test_without_a_campaign_the_money_adds_up_in_two_ways(tmp_path: Path) -> None:
    with Workspace(built_shop(tmp_path / "shop")) as shop:
        found = report(shop, tmp_path / "report.html")
    assert found.results == ()
    assert found.base.customers == 40
    assert found.reconciled.net > 0
    assert found.reconciled.difference == 0
    assert {month.source for month in found.reconciled.months} == {"订单"}
    assert found.intake.rows == found.intake.used + found.intake.rejected_rows
    assert "<h2>Reconciliation</h2>" in (tmp_path / "report.html").read_text("utf-8")


def test_what_has_not_been_built_is_built(tmp_path: Path) -> None:
    with Workspace(write_shop(tmp_path / "shop"), clock=Clock(LATER)) as shop:
        shop.apply()
        shop.collect()
        assert report(shop).base.customers == 40


def test_a_launched_campaign_adds_up(whole: Report) -> None:
    flow = whole.flow
    assert flow is not None
    assert flow.adds_up
    assert flow.audience == 40
    assert flow.sent > 0
    assert sum(flow.held_out.values()) > 0
    assert whole.compliance is not None
    assert whole.compliance.touches == flow.sent
    assert (whole.compliance.without_consent, whole.compliance.at_night, whole.compliance.over_cap) == (0, 0, 0)
    result = whole.results[0]
    assert (result.name, result.offers, result.is_contacted) == ("秋天", ("问候 <b>",), True)
    assert result.treated == flow.sent
    assert whole.channels[0].sent == flow.sent


def test_it_is_drawn_and_said_as_json(whole: Report) -> None:
    text = page(whole)
    assert "问候 &lt;b&gt;" in text
    assert "问候 <b>" not in text
    document = json.loads(as_json(whole))
    assert document["flow"]["audience"] == 40
    assert document["net"] == float(whole.reconciled.net)


def test_a_rehearsal_is_an_aa_check(tmp_path: Path) -> None:
    found = launched(tmp_path / "shop", CAMPAIGN + "is_rehearsal: true\n")
    assert not found.is_contacted
    assert found.flow is not None
    assert found.flow.adds_up
    assert found.flow.sent == 0
    assert found.flow.unsent["rehearsed"] > 0
    assert "未触达：A/A 检验" in page(found)


def test_the_markets_truth_stands_in_a_file(tmp_path: Path, whole: Report) -> None:
    home = built_shop(tmp_path / "shop")
    shutil.rmtree(home / "lists", ignore_errors=True)
    (home / "state" / "market-truth.json").write_text('{"autumn:hello": {"lift": "much"}}', encoding="utf-8")
    from limner.app.reporting.results import truth_of

    with Workspace(home) as shop, pytest.raises(BadInput, match="no truth of a market"):
        truth_of(shop)
    (home / "state" / "market-truth.json").write_text('{"autumn:hello": {"lift": 0.02}}', encoding="utf-8")
    with Workspace(home) as shop:
        assert truth_of(shop) == {"autumn:hello": {"lift": 0.02}}
