"""Identity: who is one customer, for good."""

from datetime import timedelta

import pytest
import sqlglot

from limner.core.actor import OWNER
from limner.flow.identity import resolve
from shop import NOW, open_shop, put_identifiers


@pytest.fixture
def stores(tmp_path):
    found = open_shop(tmp_path / "shop")
    yield found
    found.close()


def links(stores, version):
    query = sqlglot.parse_one("SELECT trace, number, is_identified FROM links ORDER BY trace")
    rows = stores.lake.table(query, versions={"links": version}).to_pylist()
    return {row["trace"]: row["number"] for row in rows}, {row["number"] for row in rows if row["is_identified"]}


def run(stores, version, asof=NOW):
    return resolve(stores, version, who=OWNER, asof=asof, now=NOW)


def test_identifiers_of_one_record_are_one_customer(stores):
    put_identifiers(
        stores,
        [
            [("member_no", "M1"), ("phone", "+8613800000001")],
            [("openid", "o1"), ("phone", "+8613800000001")],
            [("member_no", "M2")],
            [("cookie", "c9")],
        ],
    )
    found = run(stores, "v1")
    number, identified = links(stores, "v1")
    assert number[1] == number[2] == number[3]
    assert len(set(number.values())) == 3
    assert (found.customers, found.identified, found.anonymous) == (3, 2, 1)
    assert len(identified) == 2


def test_a_masked_phone_never_merges(stores):
    put_identifiers(
        stores,
        [
            [("member_no", "M1"), ("masked_phone", "138****0001")],
            [("member_no", "M2"), ("masked_phone", "138****0001")],
        ],
    )
    run(stores, "v1")
    number, _ = links(stores, "v1")
    assert number[1] != number[3]


def test_a_shop_phone_merges_nobody(stores):
    put_identifiers(stores, [[("member_no", f"M{i}"), ("phone", "+862100000000")] for i in range(50)])
    found = run(stores, "v1")
    assert found.customers == 51
    assert found.hubs == 1


def test_numbers_last_and_a_merge_keeps_the_smaller(stores):
    put_identifiers(stores, [[("member_no", "M1")], [("phone", "+8613800000001")], [("member_no", "M3")]])
    run(stores, "v1")
    before, _ = links(stores, "v1")
    put_identifiers(stores, [[("member_no", "M1"), ("phone", "+8613800000001")]], load=2)
    found = run(stores, "v2")
    after, _ = links(stores, "v2")
    assert found.merged == 1
    assert after[1] == after[2] == min(before[1], before[2])
    assert after[3] == before[3]
    put_identifiers(stores, [[("member_no", "M4")]], load=3)
    run(stores, "v3")
    assert links(stores, "v3")[0][4] > max(before.values())


def test_an_earlier_asof_sees_no_later_record(stores):
    put_identifiers(stores, [[("member_no", "M1")], [("phone", "+8613800000001")]])
    run(stores, "v1", NOW - timedelta(days=10))
    put_identifiers(
        stores, [[("member_no", "M1"), ("phone", "+8613800000001")]], happened_at=NOW - timedelta(days=5), load=2
    )
    run(stores, "v2", NOW)
    run(stores, "v3", NOW - timedelta(days=10))
    assert links(stores, "v1") == links(stores, "v3") != links(stores, "v2")


def test_nobody_seen_gives_no_links(stores):
    found = run(stores, "v1")
    assert (found.customers, found.size) == (0, 0)
    assert links(stores, "v1") == ({}, set())


def test_a_withdrawn_load_takes_its_links_back(stores):
    put_identifiers(stores, [[("member_no", "M1")], [("phone", "+8613800000001")]])
    run(stores, "v1")
    put_identifiers(stores, [[("member_no", "M1"), ("phone", "+8613800000001")]], load=2)
    run(stores, "v2")
    stores.lake.withdraw(2, NOW)
    run(stores, "v3")
    assert links(stores, "v3") == links(stores, "v1")


def test_more_kinds_than_a_byte_holds(stores):
    put_identifiers(stores, [[(f"loyalty_{i}", "1"), (f"nick_{i}", "1")] for i in range(150)])
    found = run(stores, "v1")
    number, _ = links(stores, "v1")
    assert found.customers == 150
    assert all(number[2 * i + 1] == number[2 * i + 2] for i in range(150))
