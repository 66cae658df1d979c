"""The zeros of the report are counted: planted breaches are found, touch by touch."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from limner.app.reporting.compliance import compliance_of
from limner.core.ours import Cap, Channel, Policy
from limner.store.definitions import Definitions
from outcome_desk import Desk, campaign
from shop import NOW, put_consent


class Shop(SimpleNamespace):
    """As much of a workspace as the count needs."""


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "shop")


def count(desk, **channel):
    policy = Policy(caps=(Cap(1, timedelta(days=1)),))
    by_folder = {
        "campaigns": desk.campaigns,
        "channels": {"sms": Channel("sms", "file", **channel)},
        "policies": {"default": policy},
    }
    shop = Shop(stores=desk.stores, definitions=Definitions(by_folder, {}), settings=desk.stores.settings)
    links = f"links{desk.batch}"
    return compliance_of(shop, SimpleNamespace(links=links, version=SimpleNamespace(headers={})))


def allow(desk, *numbers, at=NOW - timedelta(days=9), yes=True):
    for number in numbers:
        put_consent(desk.stores, desk.trace[number], "sms", yes, happened_at=at)


def test_nothing_sent_is_nothing_broken(desk):
    found = count(desk)
    assert (found.touches, found.without_consent, found.at_night, found.over_cap) == (0, 0, 0, 0)


def test_all_is_well(desk):
    allow(desk, 1, 2, 3)
    desk.launch(campaign(), {1: "granted", 2: "granted", 3: "held_out"})
    found = count(desk)
    assert (found.touches, found.without_consent, found.at_night, found.over_cap) == (2, 0, 0, 0)


def test_a_message_without_consent_is_found(desk):
    allow(desk, 1, 2, 3, 4)
    allow(desk, 2, at=NOW - timedelta(days=1), yes=False)  # refused before
    allow(desk, 3, at=NOW + timedelta(hours=1), yes=False)  # refused after: it was allowed then
    allow(desk, 5, at=NOW + timedelta(hours=1))  # granted after
    desk.launch(campaign(), dict.fromkeys((1, 2, 3, 4, 5, 6), "granted"))
    assert count(desk).without_consent == 3  # 2 refused, 5 granted too late, 6 never said anything


def test_a_refusal_on_any_identifier_wins(tmp_path):
    desk = Desk(tmp_path / "shop", records=[[("member_no", "M1"), ("email", "a@example.com")]])
    number = next(iter(desk.trace))
    put_consent(desk.stores, 1, "sms", True, happened_at=NOW - timedelta(days=9))
    put_consent(desk.stores, 2, "sms", False, happened_at=NOW - timedelta(days=8))
    desk.launch(campaign(), {number: "granted"})
    assert count(desk).without_consent == 1


def test_only_what_was_known_then_counts(desk):
    allow(desk, 1, 2, 3)
    before, after = NOW - timedelta(days=1), NOW + timedelta(days=1)
    put_consent(desk.stores, desk.trace[1], "sms", False, happened_at=before, received_at=after)  # heard of too late
    put_consent(desk.stores, desk.trace[2], "sms", False, happened_at=before)
    old = NOW - timedelta(days=30)
    put_consent(
        desk.stores, desk.trace[2], "sms", True, happened_at=old, received_at=NOW - timedelta(hours=1)
    )  # old news
    desk.launch(campaign(), dict.fromkeys((1, 2, 3), "granted"))
    assert count(desk).without_consent == 1


def test_a_message_at_night_is_found(desk):
    allow(desk, 1, 2)
    desk.launch(campaign(), {1: "granted"}, moment=NOW + timedelta(hours=12))  # 22:00 in Shanghai
    desk.launch(campaign("other"), {2: "granted"}, plan_id=2, moment=NOW - timedelta(hours=2, seconds=1))  # 07:59:59
    assert count(desk).at_night == 2
    assert count(desk, is_quiet_exempt=True).at_night == 0


def test_a_message_over_a_cap_is_found(desk):
    allow(desk, 1, 2)
    desk.launch(campaign(), {1: "granted", 2: "granted"})
    desk.launch(campaign("again"), {1: "granted"}, plan_id=2, moment=NOW + timedelta(hours=6))
    desk.launch(campaign("later"), {2: "granted"}, plan_id=3, moment=NOW + timedelta(days=1))  # exactly a day: allowed
    assert count(desk).over_cap == 1
    assert count(desk, limits=(Cap(1, timedelta(days=30)),)).over_cap == 2
