"""Files spliced out of parts of others: two readers see the same rows, byte for byte where nothing changed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.errors import Broken
from limner.store.lake.splicing import CannotSplice, splice
from limner.store.lake.thrift import BYTE, DOUBLE, FALSE, I16, I32, I64, LIST, MAP, SET, STRUCT, TEXT, TRUE, UUID
from limner.store.lake.thrift import read as read_struct
from limner.store.lake.thrift import written as written_struct
from limner.store.lake.writing import parquet_options

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)
SCHEMA = pa.schema(
    {
        "trace": pa.int32(),
        "happened_at": pa.timestamp("us", tz="UTC"),
        "name": pa.string(),
        "order_id": pa.string(),
        "amount": pa.decimal128(18, 4),
        "is_history": pa.bool_(),
        "hash": pa.binary(),
        "x": pa.float64(),
    }.items()
)


def rows_of(count, seed):
    rng = random.Random(seed)
    maybe = lambda value: None if rng.random() < 0.2 else value  # noqa: E731
    return pa.Table.from_pylist(
        [
            {
                "trace": n, "happened_at": NOW + timedelta(minutes=rng.randrange(9_999)), "name": rng.choice(["付款", "看"]),
                "order_id": maybe(f"订单{n}"), "amount": maybe(Decimal(rng.randrange(999)) / 4),
                "is_history": maybe(rng.random() < 0.5), "hash": rng.randbytes(16), "x": maybe(rng.random()),
            }
            for n in range(count)
        ],
        SCHEMA,
    )  # fmt: skip


def written(path, rows, part, **more):
    pq.write_table(rows, path, row_group_size=part, **{**parquet_options(rows.column_names), **more})


def body_of(rows, **more):
    body = BytesIO()
    written(body, rows, max(1, rows.num_rows), **more)
    return body.getvalue()


def seen(path):
    """The rows by either reader, which must agree."""
    rows = pq.read_table(path)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        other = connection.read_parquet(str(path)).to_arrow_table().cast(rows.schema)
    assert other.to_pylist() == rows.to_pylist()
    return rows


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 20), st.data(), st.sampled_from(["snappy", "zstd", "none"]), st.booleans())
def test_parts_are_replaced_left_out_and_kept(tmp_path_factory, count, size, data, codec, is_indexed):
    folder = tmp_path_factory.mktemp("splice")
    rows = rows_of(count, count * size)
    more = {"compression": codec, "write_page_index": is_indexed, "write_page_checksum": is_indexed}
    written(folder / "old", rows, size, **more)
    parts = [rows.slice(first, size) for first in range(0, count, size)]
    fresh = {}
    for place, part in enumerate(parts):
        match data.draw(st.sampled_from(["kept", "gone", "less"])):
            case "gone":
                parts[place], fresh[place] = part.slice(0, 0), None
            case "less" if part.num_rows > 1:
                parts[place] = part.slice(1)
                fresh[place] = body_of(parts[place], **more)
    found = splice(folder / "old", folder / "new", fresh)
    expected = pa.concat_tables(parts)
    assert found == expected.num_rows
    assert seen(folder / "new").to_pylist() == expected.to_pylist()


def test_the_footer_says_what_stands_there(tmp_path):
    rows = rows_of(1000, 3)
    written(tmp_path / "old", rows, 100)
    splice(tmp_path / "old", tmp_path / "new", {4: body_of(rows.slice(410, 90)), 9: None})
    with pq.ParquetFile(tmp_path / "new") as new, pq.ParquetFile(tmp_path / "old") as old:
        assert new.metadata.num_rows == 890
        assert new.metadata.num_row_groups == 9
        ends = [new.metadata.row_group(part).column(0).statistics for part in range(9)]
        assert [(one.min, one.max) for one in ends[3:6]] == [(300, 399), (410, 499), (500, 599)]
        assert new.schema_arrow == old.schema_arrow
    with duckdb.connect() as connection:
        asked = connection.read_parquet(str(tmp_path / "new")).filter("trace BETWEEN 380 AND 520")
        assert asked.aggregate("count(*)").fetchone() == (131,)
    splice(tmp_path / "new", tmp_path / "again", {})
    assert (tmp_path / "again").read_bytes() == (tmp_path / "new").read_bytes()


def test_bytes_that_stay_are_the_same_bytes(tmp_path):
    rows = rows_of(300, 4)
    written(tmp_path / "old", rows, 100)
    splice(tmp_path / "old", tmp_path / "new", {0: None})
    with pq.ParquetFile(tmp_path / "old") as old:
        low = (
            old.metadata.row_group(1).column(0).dictionary_page_offset
            or old.metadata.row_group(1).column(0).data_page_offset
        )
        last = old.metadata.row_group(2).column(len(SCHEMA) - 1)
        high = (last.dictionary_page_offset or last.data_page_offset) + last.total_compressed_size
    assert (tmp_path / "old").read_bytes()[low:high] in (tmp_path / "new").read_bytes()


def test_bloom_filters_of_gone_rows_do_not_stay(tmp_path):
    rows = rows_of(5000, 5)
    written(tmp_path / "old", rows, 1000, bloom_filter_options={"order_id": {"ndv": 1000, "fpp": 0.01}})
    size = (tmp_path / "old").stat().st_size
    splice(tmp_path / "old", tmp_path / "new", {})
    assert (tmp_path / "new").stat().st_size < size
    assert seen(tmp_path / "new").equals(rows)
    with duckdb.connect() as connection:
        asked = connection.read_parquet(str(tmp_path / "new")).filter("order_id = '订单999'")
        assert len(asked.fetchall()) == rows.slice(999, 1)["order_id"].is_valid().to_pylist().count(True)


def test_parts_that_do_not_go_together_are_refused(tmp_path):
    rows = rows_of(10, 6)
    written(tmp_path / "old", rows, 5)
    with pytest.raises(CannotSplice):
        splice(tmp_path / "old", tmp_path / "new", {0: body_of(rows.select(["trace", "name"]))})
    other = rows.set_column(0, "trace", rows["trace"].cast(pa.int64()))
    with pytest.raises(CannotSplice):
        splice(tmp_path / "old", tmp_path / "new", {0: body_of(other)})


@pytest.mark.parametrize("cut", [0, 3, 11, 40, -1, -9])
def test_a_file_cut_off_says_so(tmp_path, cut):
    written(tmp_path / "old", rows_of(10, 7), 5)
    (tmp_path / "cut").write_bytes((tmp_path / "old").read_bytes()[:cut])
    with pytest.raises(Broken, match="cannot be read"):
        splice(tmp_path / "cut", tmp_path / "new", {})


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_otherwise(body):
    try:
        read_struct(body)
    except Broken:
        pass


numbers = st.integers(-(1 << 62), 1 << 62)
values = st.deferred(
    lambda: st.one_of(
        st.tuples(st.sampled_from([TRUE, FALSE]), st.none()),
        st.tuples(st.just(BYTE), st.integers(0, 255)),
        st.tuples(st.sampled_from([I16, I32, I64]), numbers),
        st.tuples(st.just(DOUBLE), st.binary(min_size=8, max_size=8)),
        st.tuples(st.just(UUID), st.binary(min_size=16, max_size=16)),
        st.tuples(st.just(TEXT), st.binary(max_size=300)),
        st.tuples(st.sampled_from([LIST, SET]), st.tuples(st.just(I64), st.lists(numbers, max_size=40))),
        st.tuples(st.just(LIST), st.tuples(st.just(STRUCT), st.lists(structs, max_size=3))),
        st.tuples(
            st.just(MAP),
            st.tuples(st.just(TEXT << 4 | I32), st.lists(st.tuples(st.binary(), numbers), min_size=1, max_size=3)),
        ),
        st.tuples(st.just(STRUCT), structs),
    )
)
structs = st.dictionaries(st.integers(1, 300), values, max_size=5)


@settings(deadline=None, max_examples=200)
@given(structs)
def test_a_struct_is_read_as_it_was_written(struct):
    assert read_struct(written_struct(struct)) == struct
