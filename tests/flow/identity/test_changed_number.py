"""A changed number is found by what stays around it, and nothing else is taken for one."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from limner.core.actor import OWNER
from limner.core.errors import BadDefinition
from limner.flow.identity import resolve
from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import TRAIT_MATCHERS, Ground
from limner.flow.identity.matching.changed_number import options_of
from limner.flow.identity.matching.records import records_of
from shop import NOW, open_shop, put_identifiers

START = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def stores(tmp_path):
    found = open_shop(tmp_path / "shop")
    yield found
    found.close()


def put_events(stores, rows):
    stamp = pa.timestamp("us", tz="UTC")
    table = pa.table(
        {
            "trace": pa.array([row[0] for row in rows], pa.int32()),
            "item_id": pa.array([row[1] for row in rows]),
            "happened_at": pa.array([row[2] for row in rows], stamp),
            "name": ["Order Completed"] * len(rows),
            "day": pa.array([0] * len(rows), pa.int32()),
            "hour": pa.array([0] * len(rows), pa.int8()),
        }
    )
    stores.lake.append("events", "events:1", table, load=1)


def found(stores, **options):
    matching = Matching("moved", matcher="changed_number", options=options)
    resolve(stores, "v", who=OWNER, asof=NOW, now=NOW)
    records = records_of(stores, matching, "v", asof=NOW, zone=UTC)
    kind = TRAIT_MATCHERS.find("changed_number")
    scored = kind(records, matching, rng=np.random.default_rng(1), ground=Ground(stores, "v", NOW))
    pairs = zip(records.trace[scored.low].tolist(), records.trace[scored.high].tolist(), strict=True)
    return {pair: (scored.probability[at], scored.evidence(at)) for at, pair in enumerate(pairs)}


def test_a_number_taken_up_where_another_fell_silent_is_proposed(stores):
    market(stores, 120)
    pairs = found(stores)
    assert list(pairs) == [(1, 61)]
    chance, evidence = pairs[1, 61]
    assert chance > 0.9
    assert evidence["items"][0] == "6"
    assert evidence["use"] == ["one after the other", 0.0]


def market(stores, second_at, **more):
    """The market with the second number first seen when it is first used."""
    put_identifiers(stores, [[("phone", f"+86138{n:08}")] for n in range(60)], happened_at=START)
    put_identifiers(stores, [[("phone", "+8613899999999")]], happened_at=START + timedelta(days=second_at), load=2)
    luck = random.Random(5)
    rows, again = [], []
    keeps = more.get("keeps", 6)
    for trace in range(1, 61):
        liked = luck.sample(range(500), 8)
        last = 100 if trace == 1 else 400
        rows += [(trace, f"i{item}", START + timedelta(days=at * last / 8)) for at, item in enumerate(liked)]
        again = liked[:keeps] + luck.sample(range(500), 8 - keeps) if trace == 1 else again
    rows += [(61, f"i{item}", START + timedelta(days=second_at + at)) for at, item in enumerate(again)]
    put_events(stores, rows)


def test_two_numbers_used_at_once_are_two(stores):
    market(stores, 40)
    assert found(stores) == {}


def test_too_long_a_silence_or_too_few_in_common_propose_nothing(stores):
    market(stores, 120, keeps=1)
    assert found(stores) == {}


def test_the_bounds_are_the_operator_s(stores):
    market(stores, 120)
    assert found(stores, gap="10d") == {}
    assert found(stores, support=7) == {}
    assert list(found(stores, support=5, jaccard=0.4)) == [(1, 61)]
    assert found(stores, kinds=["email"]) == {}


@pytest.mark.parametrize("options", [{"support": 0}, {"jaccard": 2}, {"gap": "long"}, {"suport": 3}])
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(BadDefinition, match="it must be"):
        options_of(Matching("m", matcher="changed_number", options=options))
