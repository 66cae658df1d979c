"""Packs of industries: each takes its sample whole, computes every tag, and its audiences are what they are named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from limner.app.grounds import portrait_of
from limner.app.members import listed_members
from limner.app.packs import pack_folder
from limner.app.starting import init
from limner.app.workspace import Workspace
from limner.core.ours import Audience, Campaign, Policy
from limner.edge.demo.folder import Clock
from limner.flow.audiences.ready import READY
from limner.flow.tags.catalog import built_in, catalog
from limner.store.gallery.bits import count
from limner_market.industries import MAKERS, sample

NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.slow) for name in MAKERS])
def shop(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("industries") / request.param
    init(home, pack=request.param)
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
    first, second = sample(industry, tmp_path / "a"), sample(industry, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert (pack_folder(industry) / "sample.py").exists()
