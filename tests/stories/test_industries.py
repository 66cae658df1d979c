"""Packs of industries: each takes its sample whole, computes every tag, and its audiences are what they are named."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import pytest

from limner.app.grounds import portrait_of
from limner.app.members import listed_members
from limner.app.packs import pack_folder
from limner.app.starting import init
from limner.app.workspace import Workspace
from limner.core.ids import customer_id
from limner.core.ours import Audience, Campaign, Channel, Policy
from limner.edge.demo.folder import Clock
from limner.flow.audiences.ready import READY
from limner.flow.decisions.plans import decisions_of
from limner.flow.tags.catalog import built_in, catalog
from limner.store.gallery.bits import count
from limner_market.industries import DESKS, MAKERS, sample

NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)
WHY = {"granted": "", "held_out": "campaign", "refused": "consent"}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.slow) for name in MAKERS])
def shop(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("industries") / request.param
    init(home, pack=request.param)
    (home / "state" / "keys" / "hash.key").write_text(
        "7" * 64 + "\n", encoding="utf-8"
    )  # the same are held out each time
    sample(request.param, home / "data")
    with Workspace(home, clock=Clock(NOW)) as opened:
        opened.collect()
        opened.run(asof="2026-09-01")
        yield opened


def test_every_tag_of_the_pack_answers(shop):
    version, known = portrait_of(shop).version, catalog(shop.definitions)
    own = {name: placed for name, placed in known.items() if name not in built_in()}
    assert all(placed.tag.name and placed.tag.name_en and placed.tag.path for placed in own.values())
    columns = [name for name, header in version.headers.items() if header.version in {p.version for p in own.values()}]
    assert len(columns) >= 100
    assert {
        name: count(version.column(name).known(version.size)) for name in columns if not _answers(version, name)
    } == {}
    for placed in own.values():
        assert all(member.name and member.name_en for member in listed_members(placed, version))


def _answers(version, name):
    column = version.column(name)
    return any(column.value(number) not in (None, 0, False) for number in version.living)


def test_audiences_are_there_and_have_portraits(shop):
    for audience in shop.definitions.of(Audience):
        assert shop.audience(audience).count().count > 0, audience
    found = shop.audience("target").portrait(brief=True)
    assert found.group > 0
    assert any(trait.is_clear for trait in found.traits)


def test_ready_audiences_are_four_groups_and_no_buyer_is_a_target(shop):
    ready = {str(one.options["ready"]): one for one in shop.definitions.of(Audience).values() if one.options}
    assert set(ready) == set(READY)
    sizes = [shop.audience(one.id).count().count for one in ready.values()]
    whole = " or ".join(f"in audience({one.id})" for one in ready.values())
    assert sum(sizes) == shop.audience(whole).count().count
    for kind in ("target", "potential"):
        buyers = f"in audience({ready[kind].id}) and ({ready[kind].options['buyers']})"
        assert shop.audience(buyers).count().count == 0
    found = shop.check()
    assert found.exit_code == 0
    assert [finding for finding in found.findings if finding.level == "warning"] == []


def test_a_campaign_stands_on_a_policy(shop):
    [campaign] = shop.definitions.of(Campaign).values()
    assert shop.definitions.find(Policy, campaign.policy).caps
    assert shop.definitions.find(Audience, campaign.audience).options["ready"] == "target"


def test_the_campaign_reaches_whom_it_may_and_nobody_else(shop):
    [campaign], [channel] = shop.definitions.of(Campaign).values(), shop.definitions.of(Channel).values()
    said = {}
    for row in _rows(shop.folder / "data" / "consents.csv"):
        who, way, _, state, moment, proof = row.values()
        assert proof
        if way == DESKS[shop.folder.name]:
            said[who] = max(said.get(who, ("", "")), (moment, state))
    plan = shop.plan(campaign.id)
    decided = {row["answer"]: row["number"] for row in decisions_of(shop.stores, plan.plan_id).to_pylist()}
    assert set(decided) == {"granted", "held_out", "refused"}
    for answer, number in decided.items():
        told = plan.explain(customer_id(shop.stores.hash_key, number))
        assert (told.answer, told.reason) == (answer, WHY[answer])
        assert {alternative.reason for alternative in told.alternatives} == {"consent" if answer == "refused" else ""}
    assert 0.1 < plan.held_out_by["campaign"] / (plan.held_out + plan.granted) < 0.5
    assert set(plan.refused) == {"consent"}

    launched = plan.launch()
    assert (launched.handed_over, launched.waiting, launched.dropped) == (0, plan.granted, {})
    shop.clock.moment = NOW + timedelta(days=1)
    assert shop.launch(plan.plan_id).handed_over == plan.granted > 5
    [address, *_] = channel.options["columns"]
    reached = {row[address] for row in _rows(shop.folder / "lists" / f"{channel.id}-{campaign.id}.csv")}
    assert {said[who][1] for who in reached} == {"同意"}


def _rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_buyers_in_the_target_are_told(shop):
    path = shop.folder / "audiences" / "wrong.yaml"
    path.write_text(
        "- {id: wrong, name: 认错, rule: in audience(target) or in audience(loyal), options: {ready: target, buyers: in audience(loyal)}}\n",
        encoding="utf-8",
    )
    try:
        shop.apply()
        found = {finding.check: finding for finding in shop.check().findings if finding.level == "warning"}
        loyal = shop.audience("loyal").count().count
        assert found["ready_buyers"].count == loyal
        assert found["ready_overlap"].subject in {"loyal", "target"}
    finally:
        path.unlink()
        shop.apply()


@pytest.mark.parametrize("industry", MAKERS)
def test_a_sample_is_the_same_each_time(industry, tmp_path):
    day = datetime(2026, 11, 2, tzinfo=UTC).date()
    first, second = sample(industry, tmp_path / "a", end=day), sample(industry, tmp_path / "b", end=day)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert (pack_folder(industry) / "sample.py").exists()
