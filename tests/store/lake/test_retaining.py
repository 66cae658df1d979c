"""Old rows of the lake: exactly those go, whatever the parts of a file and its unknown moments look like."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.store.lake.retaining import Age, drop, find
from shop import open_shop

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = st.one_of(st.none(), st.integers(0, 9))
ROWS = st.lists(
    st.tuples(
        DAYS,
        st.integers(0, 9),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["x", "y"]),
        st.one_of(st.none(), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=24,
)
STORES = {}


@settings(max_examples=80, deadline=None)
@given(
    ROWS,
    st.integers(0, 10),
    st.sampled_from(["", "a"]),
    st.sampled_from(["", "x"]),
    st.sets(st.integers(1, 4), max_size=2),
    st.integers(1, 5),
)
def test_those_that_are_old_go_and_the_others_are_as_they_were(tmp_path_factory, rows, day, source, name, kept, part):
    if not STORES:
        STORES["one"] = open_shop(tmp_path_factory.mktemp("retaining") / "shop")
    stores, STORES["turn"] = STORES["one"], STORES.get("turn", 0) + 1
    lake = stores.lake
    for path in lake.catalog.all_files().of("events"):
        with stores.ledger.write() as connection:
            lake.catalog.swap(connection, path, None, START)
    table = pa.table(
        {
            "happened_at": pa.array([None if d is None else START + timedelta(days=d) for d, *_ in rows], pa.timestamp("us", "UTC")),
            "received_at": pa.array([START + timedelta(days=row[1]) for row in rows], pa.timestamp("us", "UTC")),
            "source": [row[2] for row in rows],
            "name": [row[3] for row in rows],
            "trace": pa.array([row[4] for row in rows], pa.int32()),
            "order_id": [str(place) for place in range(len(rows))],
        }
    )  # fmt: skip
    lake.append("events", f"batch {STORES['turn']}", table)
    (path,) = lake.catalog.all_files().of("events")
    pq.write_table(pq.read_table(lake.folder / path), lake.folder / path, row_group_size=part)
    age = Age("events", START + timedelta(days=day), source, name, tuple(sorted(kept)))
    is_old = [
        (row[0] if row[0] is not None else row[1]) < day and source in ("", row[2]) and name in ("", row[3])
        for row in rows
    ]
    gone = {str(n) for n, row in enumerate(rows) if is_old[n] and row[4] not in kept}
    spared = sum(is_old[n] and row[4] in kept for n, row in enumerate(rows))
    found = list(find(lake, age))
    assert sum(one.old for one in found) == len(gone)
    assert sum(one.kept for one in found) == spared
    for one in found:
        if one.old:
            drop(lake, one, age)
    left = lake.table(sqlglot.parse_one("SELECT order_id FROM events"))["order_id"].to_pylist()
    assert sorted(left) == sorted({str(n) for n in range(len(rows))} - gone)
    assert not sum(one.old for one in find(lake, age))
