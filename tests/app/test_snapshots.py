"""A portrait of the past that is built for one question answers it as the whole portrait does."""

import dataclasses
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from limner.app.asking import ground_at
from limner.app.grounds import portrait_of
from limner.app.measuring import base_rate
from limner.app.running import snapshot
from limner.app.snapshots import EVERYTHING, Wanted, for_audience, for_columns, for_models
from limner.app.workspace import Workspace
from limner.core.ours import Audience, Campaign, Model
from small_shop import built_shop

THEN = datetime(2026, 8, 1, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def shop(tmp_path):
    with Workspace(built_shop(tmp_path / "shop")) as opened:
        yield opened


def audience(shop, rule, **more):
    """What an audience with this rule wants, and the columns it reads."""
    found = portrait_of(shop)
    known = {**shop.definitions.of(Audience), "it": Audience("it", rule=rule, **more)}
    by_folder = MappingProxyType({**shop.definitions.by_folder, "audiences": MappingProxyType(known)})
    ground = ground_at(shop, found.version, found.links, found.asof)
    own = dataclasses.replace(ground, definitions=dataclasses.replace(shop.definitions, by_folder=by_folder))
    return for_audience(own, "it")


def test_a_rule_wants_the_tags_it_reads(shop):
    assert audience(shop, "orders >= 1 and 净消费金额 > 5") == (
        Wanted(("net_spend", "orders"), has_traits=False, has_reach=False),
        {"orders", "net_spend"},
    )


def test_a_trait_a_reach_and_a_tag_that_stands_on_others_want_more(shop):
    assert audience(shop, "city == '杭州'")[0] == Wanted((), has_traits=True, has_reach=False)
    assert audience(shop, "reach.mail == true")[0] == Wanted((), has_traits=False, has_reach=True)
    assert audience(shop, "rfm.r >= 3")[0] == Wanted(("rfm",), has_traits=True, has_reach=False)


def test_an_audience_in_a_rule_is_read_too(shop):
    assert audience(shop, "in audience(buyers) and recency_days > 3")[1] == {"orders", "recency_days"}


def test_another_selector_wants_everything(shop):
    assert audience(shop, "", selector="everyone") == (EVERYTHING, frozenset())


def test_models_want_what_has_a_number(shop):
    headers = portrait_of(shop).version.headers
    definitions = dataclasses.replace(shop.definitions, by_folder={"models": {"m": Model("m")}})
    found = for_models(definitions, headers)
    assert found.has_traits
    assert not found.has_reach
    assert {"orders", "rfm", "interest"} & set(found.tags) == {"orders", "rfm"} | ({"interest"} & set(found.tags))
    assert "last_via" not in found.tags
    named = {"models": {"m": Model("m", features=("orders", "city"))}}
    definitions = dataclasses.replace(shop.definitions, by_folder=named)
    assert for_models(definitions, headers) == Wanted(("orders",), has_traits=True, has_reach=False)


def same(one, other):
    return (
        one.header == other.header
        and np.array_equal(one.values, other.values)
        and (one.valid is None or np.array_equal(one.valid, other.valid))
    )


def test_parts_are_what_they_are_in_the_whole(shop):
    headers = portrait_of(shop).version.headers
    wanted = for_columns(shop.definitions, headers, ["orders", "lifecycle_stage", "city"])
    part = snapshot(shop, THEN, wanted)
    assert snapshot(shop, THEN, wanted).name == part.name
    whole = snapshot(shop, THEN)
    assert {"orders", "lifecycle_stage", "city", "is_identified"} <= set(part.headers) < set(whole.headers)
    assert all(same(part.column(name), whole.column(name)) for name in part.headers)
    assert part.living == whole.living
    assert snapshot(shop, THEN, wanted).name == whole.name


def test_the_base_rate_is_that_of_the_whole_portrait(shop):
    campaign, found = shop.definitions.find(Campaign, "autumn"), portrait_of(shop)
    rate = base_rate(shop, campaign, found)
    snapshot(shop, found.asof - campaign.goal.within)
    assert base_rate(shop, campaign, found) == rate


def test_a_score_was_not_known_then(shop, monkeypatch):
    campaign, found = shop.definitions.find(Campaign, "autumn"), portrait_of(shop)
    monkeypatch.setattr("limner.app.snapshots.columns_of", lambda rule: {"chance"})
    assert base_rate(shop, campaign, found) is None
