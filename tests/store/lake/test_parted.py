"""Views in parts: what has not changed is taken over, what was erased is gone from every version, nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limner.store.lake import parted
from limner.store.lake.among import rows_among
from limner.store.lake.tables import TABLES
from limner.store.ledger.erasures import Masked
from shop import NOW, open_shop

SPAN = 10


@pytest.fixture
def lake(tmp_path):
    stores = open_shop(tmp_path / "shop")
    for view in ("links", "cuts"):
        stores.lake._tables[view] = replace(TABLES[view], span=SPAN)
    yield stores.lake
    stores.close()


def links(traces, shift=0):
    trace = np.asarray(sorted(traces), np.int32)
    columns = {"trace": trace, "number": trace + shift, "is_identified": trace % 2 == 0, "part": trace}
    return pa.table(columns)


def seen(lake, version, view="links"):
    asked = sqlglot.parse_one(f"SELECT trace, number FROM {view} ORDER BY trace", dialect="duckdb")
    return [tuple(row.values()) for row in lake.table(asked, versions={view: version}).to_pylist()]


def paths(lake, version):
    return dict(
        zip([one.part for one in files(lake, version)], [one.path for one in files(lake, version)], strict=True)
    )


def files(lake, version):
    with lake.ledger.read() as connection:
        return lake.catalog.parts(connection, "links", version)


def test_a_version_takes_over_what_has_not_changed(lake):
    assert lake.publish("links", "one", links(range(35))) == 35
    assert lake.publish("links", "one", links(range(3))) == 0  # a published version never changes
    parted.publish(lake, "links", "two", links([10, 11, 40], 7), base="one", changed=[1, 4])
    assert seen(lake, "one") == [(n, n) for n in range(35)]
    assert seen(lake, "two") == [(n, n) for n in (*range(10), *range(20, 35))][:10] + [(10, 17), (11, 18)] + [
        (n, n) for n in range(20, 35)
    ] + [(40, 47)]
    one, two = paths(lake, "one"), paths(lake, "two")
    assert {part for part in one if two.get(part) == one[part]} == {"0", "2", "3"}
    parted.publish(lake, "links", "three", links([]), base="two", changed=[0, 1, 2, 3, 4])
    assert seen(lake, "three") == []
    assert parted.rows_in(lake, "links", "two") == 28


def test_a_file_goes_when_no_version_needs_it(lake):
    lake.publish("links", "one", links(range(35)))
    parted.publish(lake, "links", "two", links([10]), base="one", changed=[1])
    lake.drop("links", "one", now=NOW)
    lake.catalog.sweep(lake.folder, NOW + timedelta(minutes=1))
    assert len(seen(lake, "two")) == 26
    assert len(list((lake.folder / "links").iterdir())) == 4
    lake.drop("links", "two", now=NOW)
    lake.catalog.sweep(lake.folder, NOW + timedelta(minutes=1))
    assert list((lake.folder / "links").iterdir()) == []


def test_an_erasure_reaches_every_version_and_leaves_other_parts_alone(lake):
    lake.publish("links", "one", links(range(35)))
    parted.publish(lake, "links", "two", links([10]), base="one", changed=[1])
    lake.drop("links", "one", now=datetime.now(UTC))  # dropped, and not swept yet
    parted.publish(lake, "links", "three", links([99]), base="two", changed=[9])
    before = paths(lake, "three")
    masked = Masked(traces=(5, 12, 99), numbers=())
    assert lake.erase(masked) == {"links": 2}
    assert {5, 12, 99}.isdisjoint({trace for version in ("two", "three") for trace, _ in seen(lake, version)})
    after = paths(lake, "three")
    assert {part for part in before if after.get(part) != before[part]} == {"0", "9"}
    assert lake.hits(masked) == ()
    assert {path.name for path in (lake.folder / "links").iterdir()} == {
        path.rpartition("/")[2] for version in ("two", "three") for path in paths(lake, version).values()
    }


def test_parts_that_differ_are_found_whatever_the_order(lake):
    table = lake.declared("links")
    rows = links(range(30))
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(30)))
    assert parted.differing(table, rows, shuffled) == []
    assert parted.differing(table, rows, links([*range(12), *range(13, 31)])) == [1, 3]
    assert parted.differing(table, links([]), links([25])) == [2]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, 60), st.none() | st.integers(0, 60)), max_size=60),
    st.sets(st.integers(0, 70), max_size=8),
    st.sets(st.integers(0, 60), max_size=3),
)
def test_rows_are_found_as_a_query_finds_them(lake, rows, wanted, hidden):
    table = TABLES["identifiers"]
    whole = pa.Table.from_pylist(
        [{"trace": one, "with_trace": other, "kind": f"k{one % 3}"} for one, other in rows],
        pa.schema([("trace", pa.int32()), ("with_trace", pa.int32()), ("kind", pa.string())]),
    )
    for at, half in enumerate((whole.slice(0, len(rows) // 2), whole.slice(len(rows) // 2))):
        lake.append("identifiers", f"{at}-{rows}", half)
    snapshot = replace(lake.catalog.snapshot(), masked=Masked(tuple(hidden)))
    mine = [(one, other, f"k{one % 3}") for one, other in rows if {one, other} & wanted and not {one, other} & hidden]
    found = rows_among(
        lake.folder, table, snapshot, ("trace", "with_trace"), np.asarray(sorted(wanted), np.int32),
        columns=("trace", "with_trace", "kind"),
    )  # fmt: skip
    assert sorted(map(str, (tuple(row.values()) for row in found.to_pylist()))) == sorted(map(str, mine))
    for load in lake.catalog.snapshot().of("identifiers"):
        (lake.folder / load).unlink()
    with lake.ledger.write() as connection:
        from sqlalchemy import delete

        from limner.store.ledger.tables import batches
        from limner.store.ledger.tables import files as listed

        connection.execute(delete(listed))
        connection.execute(delete(batches))
        lake.ledger.take(connection, "catalog")
