"""Rows of a file lie in the order of their table's keys, and say what they said."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.store.lake.ordered import ordered
from limner.store.lake.tables import TABLES
from limner.store.lake.writing import ARROW, fit, write_file

EVENTS, ITEMS, TRAITS = TABLES["events"], TABLES["items"], TABLES["traits"]
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(1, 5)), st.one_of(st.none(), st.integers(-3, 9)), st.sampled_from("ab枝")
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(1, 7))
def test_rows_are_sorted_by_trace_and_moment_those_without_last(rows, size):
    cut = [rows[start : start + size] for start in range(0, len(rows), size)] or [[]]

    def column(place, kind):
        return pa.chunked_array([pa.array([row[place] for row in part], kind) for part in cut], kind)

    table = pa.table(
        {
            "happened_at": column(1, ARROW["instant"]),
            "trace": column(0, pa.int32()),
            "name": column(2, pa.string()),
            "seq": pa.array(range(len(rows)), pa.int64()),
        }
    )
    found = ordered(EVENTS, table, frozenset({"seq"}))
    big = 1 << 40
    expected = sorted(range(len(rows)), key=lambda n: (rows[n][0] or big, big if rows[n][1] is None else rows[n][1], n))
    assert found["seq"].to_pylist() == expected
    assert found["name"].to_pylist() == [rows[n][2] for n in expected]


def test_rows_of_other_keys_are_sorted_and_codes_stay_codes():
    coded = pa.chunked_array([pa.array(["b", "a", "b"]).dictionary_encode(), pa.array(["c"]).dictionary_encode()])
    rows = pa.table({"name": coded, "trace": pa.array([2, 1, 1, 0], pa.int32())})
    found = ordered(TRAITS, rows, frozenset())
    assert found["name"].to_pylist() == ["a", "b", "b", "c"]
    assert found["trace"].to_pylist() == [1, 1, 2, 0]
    assert pa.types.is_dictionary(found["name"].type)


def test_a_column_without_a_value_is_not_written_and_one_value_fills_a_column(tmp_path):
    rows = fit(pa.table({"item_id": ["i1", "i2"], "price": ["3.5", None]}), ITEMS, {"source": "shop", "load": 7})
    written = write_file(tmp_path, ITEMS, rows, load=7)
    found = pq.read_table(tmp_path / written.path)
    assert found.column_names == ["load", "source", "item_id", "price"]
    assert found["source"].to_pylist() == ["shop", "shop"]
    assert found["price"].type == ARROW["money"]
