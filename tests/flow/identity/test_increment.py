"""The links of today out of those of yesterday: exactly what a full rebuild gives, whatever came, went or was said."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from limner.core.actor import OWNER
from limner.core.settings import IdentitySettings
from limner.flow.identity import resolve
from limner.flow.identity.partings import Parting, read_partings, undo_parting, write_parting
from limner.store.lake.tables import TABLES
from limner.store.ledger import tables
from shop import NOW, open_shop, put_identifiers

TIGHT = IdentitySettings(identifiers_per_customer=6, customers_per_identifier=2, rest_days=90)
KINDS = ("member_no", "phone", "unionid", "cookie", "id_card", "masked_phone", "tmall_nick")

IDENTIFIER = st.tuples(st.sampled_from(KINDS), st.integers(0, 4).map(str))
RECORD = st.lists(IDENTIFIER, min_size=1, max_size=3)
STEP = st.one_of(
    st.tuples(st.just("load"), st.lists(RECORD, min_size=1, max_size=6), st.integers(1, 600)),
    st.tuples(st.just("load"), st.lists(RECORD, min_size=1, max_size=3), st.integers(1, 600)),
    st.tuples(st.just("withdraw"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("part"), st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.just("join"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("asof"), st.sampled_from([0, 0, 200, 400]), st.just(0)),
)


class Twin:
    """A shop with tight limits and small parts, resolved after every step in one of two ways."""

    def __init__(self, folder, *, afresh):
        stores = open_shop(folder)
        for view in ("links", "cuts"):
            stores.lake._tables[view] = replace(TABLES[view], span=3)
        self.stores = replace(stores, settings=replace(stores.settings, identity=TIGHT))
        self.afresh, self.asof, self.turn, self.loads, self.last = afresh, NOW, 0, [], None

    def step(self, what, one, other):
        self.turn += 1
        now = NOW + timedelta(minutes=self.turn)
        if what == "load":
            put_identifiers(self.stores, one, happened_at=NOW - timedelta(days=other), load=self.turn)
            self.loads.append(self.turn)
        elif what == "withdraw" and self.loads:
            self.stores.lake.withdraw(self.loads.pop(one % len(self.loads)), now)
        elif what == "part" and one != other:
            write_parting(self.stores.ledger, Parting(0, 0, (one,), (other,), now, "owner"), "identity split")
        elif what == "join" and (known := read_partings(self.stores.ledger)):
            undo_parting(self.stores.ledger, known[one % len(known)].seq, OWNER, now)
        elif what == "asof":
            self.asof = NOW - timedelta(days=one)
        self.last = resolve(self.stores, f"v{self.turn}", who=OWNER, asof=self.asof, now=now, afresh=self.afresh)
        return self.seen()

    def seen(self):
        version = f"v{self.turn}"
        found = [
            self.stores.lake.table(
                sqlglot.parse_one(f"SELECT * FROM {view} ORDER BY 1, 2, 3"), versions={view: version}
            ).to_pylist()
            for view in ("links", "cuts")
        ]
        with self.stores.ledger.read() as connection:
            merges = connection.execute(select(tables.merges).order_by(tables.merges.c.seq)).all()
        counts = replace(self.last, looked_at=0)
        return found, merges, counts


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=2, max_size=7))
def test_an_increment_equals_a_rebuild(steps):
    with tempfile.TemporaryDirectory() as folder:
        twins = [Twin(Path(folder) / name, afresh=name == "full") for name in ("step", "full")]
        for step in steps:
            one, other = (twin.step(*step) for twin in twins)
            assert one == other
        for twin in twins:
            twin.stores.close()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=4, max_size=14))
def test_many_increments_equal_rebuilds(steps):
    test_an_increment_equals_a_rebuild.hypothesis.inner_test(steps)


@pytest.fixture
def twin(tmp_path):
    found = Twin(tmp_path / "shop", afresh=False)
    yield found
    found.stores.close()


def test_only_what_is_touched_is_looked_at(twin):
    records = [[("member_no", f"M{i}"), ("phone", f"+8613800{i:06d}")] for i in range(200)]
    twin.step("load", records, 300)
    assert twin.last.looked_at == 400
    twin.step("load", [[("member_no", "M7"), ("unionid", "u7")]], 100)
    assert twin.last.looked_at == 3
    twin.step("asof", 0, 0)
    assert twin.last.looked_at == 0


def files_of(twin, version):
    with twin.stores.ledger.read() as connection:
        return {one.part: one.path for one in twin.stores.lake.catalog.parts(connection, "links", version)}


def test_parts_that_have_not_changed_are_the_same_files(twin):
    records = [[("member_no", f"M{i}"), ("phone", f"+8613800{i:06d}")] for i in range(20)]
    twin.step("load", records, 300)
    first = files_of(twin, "v1")
    assert sorted(map(int, first)) == list(range(14))
    twin.step("load", [[("member_no", "M7"), ("phone", "+8613800000007")]], 20)  # said before: nothing is new
    assert twin.last.looked_at == 2
    assert files_of(twin, "v2") == first
    twin.step("load", [[("member_no", "M0"), ("unionid", "u1")]], 20)
    third = files_of(twin, "v3")
    assert {part for part in third if third[part] != first.get(part)} == {str(41 // 3)}
    twin.stores.lake.drop("links", "v1", now=NOW)
    twin.stores.lake.drop("links", "v2", now=NOW)
    twin.stores.lake.catalog.sweep(twin.stores.lake.folder, NOW + timedelta(days=1))
    assert len(twin.seen()[0][0]) == 41


def test_other_limits_ask_for_all(twin):
    twin.step("load", [[("member_no", f"M{i}"), ("phone", f"+8613800{i:06d}")] for i in range(20)], 300)
    wide = replace(TIGHT, customers_per_identifier=3)
    twin.stores = replace(twin.stores, settings=replace(twin.stores.settings, identity=wide))
    twin.step("asof", 0, 0)
    assert twin.last.looked_at == 40


def test_a_file_swept_away_asks_for_all(twin):
    twin.step("load", [[("member_no", f"M{i}"), ("phone", f"+8613800{i:06d}")] for i in range(20)], 300)
    twin.step("load", [[("member_no", "M1"), ("unionid", "u1")]], 100)
    twin.stores.lake.withdraw(2, NOW)
    twin.stores.lake.catalog.sweep(twin.stores.lake.folder, NOW + timedelta(days=1))
    links = twin.step("asof", 0, 0)[0][0]
    assert twin.last.looked_at == 40
    assert len(links) == 40


def test_a_hub_crossed_and_left_again(twin):
    shared = ("unionid", "u1")
    twin.step("load", [[("tmall_nick", "a"), shared], [("tmall_nick", "b"), shared]], 300)
    assert twin.last.customers == 1
    twin.step("load", [[("tmall_nick", "c"), shared]], 200)
    assert (twin.last.customers, twin.last.hubs) == (4, 1)
    twin.step("withdraw", 1, 0)
    assert (twin.last.customers, twin.last.hubs) == (1, 0)


def test_untouched_customers_keep_their_number(twin):
    records = [[("member_no", f"M{i}"), ("phone", f"+8613800{i:06d}")] for i in range(500)]
    before = {row["trace"]: row["number"] for row in twin.step("load", records, 300)[0][0]}
    after = {row["trace"]: row["number"] for row in twin.step("load", [[("unionid", "u1"), records[3][1]]], 20)[0][0]}
    assert {trace: after[trace] for trace in before} == before


def test_a_merge_undone_revives_the_number(twin):
    first = twin.step("load", [[("member_no", "M1")], [("unionid", "u1"), ("cookie", "c1")]], 300)[0][0]
    number = {row["trace"]: row["number"] for row in first}
    twin.step("load", [[("member_no", "M1"), ("unionid", "u1")]], 100)
    with twin.stores.ledger.read() as connection:
        merge = connection.execute(select(tables.merges)).mappings().one()
    assert (merge["kept_traces"], merge["retired_traces"], merge["revived_at"]) == ("[1]", "[2, 3]", None)
    links = twin.step("part", 1, 2)[0][0]
    assert {row["trace"]: row["number"] for row in links} == number
    with twin.stores.ledger.read() as connection:
        assert connection.execute(select(tables.merges.c.revived_at)).scalar_one() is not None
