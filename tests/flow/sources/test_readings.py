"""The fast way and the slow way of reading a value give the same answer."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from limner.core.ids import identifier_hash, identifier_hashes
from limner.core.kinds import identifier_kind
from limner.core.moments import moment
from limner.core.normal import identifier
from limner.flow.sources.definition import Field
from limner.flow.sources.figures import figures
from limner.flow.sources.plain import is_plain
from limner.flow.sources.readings import Reading, fast, field_text, offset_minutes, prepared, slow
from limner.flow.sources.ready import with_ready
from limner.flow.sources.stamps import stamps, walls
from limner.flow.sources.traces import short_form, short_kind

ZONE = "Europe/Berlin"


def both_ways(type_, values, field=None):
    """(fast value, needs the slow way) and the slow value, per value."""
    reading = Reading("r", field or Field(column="x"), type_, "x", ZONE)
    columns = {"x": "plain" if is_plain(pa.chunked_array([pa.array(values, pa.string())])) else "text"}
    way = fast(reading, columns)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("given", pa.table({"x": pa.array(values, pa.string()), "_line": range(len(values))}))
    query = exp.select(way.value.as_("v"), (way.is_slow or exp.false()).as_("s"), way.raw.as_("raw")).from_(
        prepared(columns, "given").subquery("p")
    )
    found = connection.sql(query.order_by("_line").sql("duckdb")).fetchall()
    connection.close()
    scalar = slow(reading, [v.strip() for v in values])[0].to_pylist()
    return [(v, s, raw, e) for (v, s, raw), e in zip(found, scalar, strict=True)]


def agree(type_, values):
    for value, is_slow, raw, scalar in both_ways(type_, values):
        if raw is not None and not is_slow:
            assert value == scalar, (raw, value, scalar)


STAMPS = st.one_of(
    st.datetimes(datetime(1960, 1, 1), datetime(2110, 1, 1)).map(str),
    st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1)).map(lambda d: d.strftime("%Y/%m/%d %H:%M")),
    st.tuples(*[st.integers(0, 70)] * 5).map(lambda t: f"20{t[0]:02d}-{t[1]}-{t[2]} {t[3]}:{t[4]:02d}"),
    st.datetimes(datetime(2020, 1, 1), datetime(2027, 1, 1), timezones=st.timezones()).map(
        lambda d: d.replace(microsecond=0).isoformat()
    ),
    st.from_regex(
        r"20[0-9]{2}[-/][0-9]{1,2}[-/][0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}(Z|[+-][0-9]{2}:?[0-9]{2})?", fullmatch=True
    ),
)
NUMBERS = st.one_of(
    st.decimals(-(10**12), 10**12, places=4).map(str),
    st.integers().map(str),
    st.floats(allow_nan=True).map(str),
    st.from_regex(r"[+-]?[0-9]{0,15}\.?[0-9]{0,6}", fullmatch=True),
    st.text(max_size=12),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STAMPS, min_size=1, max_size=30))
def test_stamps_agree(values):
    agree("instant", values)


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_numbers_agree(values):
    agree("money", values)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
        min_size=1,
        max_size=30,
    )
)
def test_texts_agree(values):
    agree("key", values)
    agree("text", values)


def test_words_constants_units_and_joins():
    columns = {"a": "text", "b": "text"}
    connection = duckdb.connect()

    def value(field):
        tree = field_text(field, columns)
        return connection.sql(
            exp.select(tree).from_(exp.values([("女", "x")], alias="t", columns=["a", "b"])).sql("duckdb")
        ).fetchone()[0]

    assert value(Field(column="a", words={"女": "female"})) == "female"
    assert value(Field(column="b", words={"女": "female"})) == "x"
    assert value(Field(column="b", words={"女": "female"}, other="other")) == "other"
    assert value(Field(constant="it's")) == "it's"
    assert value(Field(columns=("a", "b"), join="/")) == "女/x"
    assert value(Field(column="missing")) is None
    assert both_ways("money", ["150"], Field(column="x", unit=Decimal("0.01")))[0][0] == Decimal("1.5000")
    assert both_ways("money", ["¥150"], Field(column="x", unit=Decimal("0.01")))[0][3] == Decimal("1.5000")


def test_the_offset_of_a_stamp():
    reading = Reading("r", Field(column="x"), "instant", "x", ZONE)
    tree = exp.select(offset_minutes(reading, {"x": "text"})).from_(
        exp.values([("2026-09-01T08:05:00+05:30",), ("2026-09-01T08:05:00-1100",), ("2026-09-01",), ("2026-09-01T00:00:00Z",)],
                   alias="t", columns=["x"])
    )  # fmt: skip
    assert [r[0] for r in duckdb.sql(tree.sql("duckdb")).fetchall()] == [330, -660, None, None]


@pytest.mark.parametrize(("type_", "raw", "reason"), [
    ("instant", "2099-01-01", "date out of range"), ("instant", "1/2/2026", "day and month cannot be told apart"),
    ("bool", "perhaps", "neither yes nor no"), ("money", "abc", "not an amount"), ("receipt", "??", "unknown status"),
])  # fmt: skip
def test_reasons(type_, raw, reason):
    assert slow(Reading("r", Field(column="x"), type_, "x", ZONE), [raw])[1] == [reason]


def test_old_dates_are_dates():
    values, reasons = slow(Reading("r", Field(column="x"), "date", "x", "UTC"), ["1952-03-04"])
    assert values.to_pylist() == [datetime(1952, 3, 4, tzinfo=UTC)]
    assert reasons == [None]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["phone", "member_no", "device_id", "email", "masked_phone"]), st.lists(st.one_of(
    st.from_regex(r"1[0-9]{10}", fullmatch=True), st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.from_regex(r"1[0-9]{2}[*x]{2,5}[0-9]{2,5}", fullmatch=True),
    st.from_regex(r"[a-z0-9_.-]{1,7}@[a-z0-9-]{1,3}([.][a-z]{1,3}){0,3}", fullmatch=True),
    st.sampled_from(["test@test.com", "a@b.com", "mailto:a@b.com", "A@b.com", "a..b@c.com"]),
    st.sampled_from(["0000", "NULL", "na", "13800138000", "13911111111", "1.38E+10", "-", "--"]), st.text(max_size=5),
), min_size=1, max_size=40))  # fmt: skip
def test_the_short_form_of_an_identifier_is_its_normal_form(name, raws):
    raws = sorted({raw for raw in raws if raw.strip() and "\x00" not in raw})
    connection = duckdb.connect()
    connection.register("fresh", pa.table({"raw": pa.array(raws, pa.string())}))
    kind = identifier_kind(name)
    query = exp.select("raw", short_form(kind).as_("v"), short_kind(kind).as_("k")).from_("fresh")
    for raw, value, found in connection.sql(query.sql("duckdb")).fetchall():
        assert value is None or identifier(name, raw) == (found, value, None)
    connection.close()


def test_many_hashes_are_the_hashes_of_each():
    for key in (b"k" * 32, b"long" * 40):
        normals = ["+8613812349876", "南枝"]
        assert identifier_hashes(key, "phone", normals) == [identifier_hash(key, "phone", n) for n in normals]


ALIKE = st.sampled_from(
    ["%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+05:30", "%Y-%m-%d %H:%M:%S-0330"]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    ALIKE,
    st.lists(st.one_of(st.none(), st.datetimes(datetime(1900, 1, 3), datetime(2105, 1, 1))), min_size=1, max_size=30),
    st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/St_Johns", "UTC"]),
    st.sampled_from(["instant", "date"]),
)
def test_stamps_written_alike_are_read_as_the_slow_way_reads_them(form, walls, zone, type_):
    texts = ["" if wall is None else wall.strftime(form).replace(wall.strftime("%Y"), f"{wall.year:04}", 1) for wall in walls]  # fmt: skip
    reading = Reading("r", Field(column="x"), type_, "x", zone)
    values, reasons = slow(reading, texts)
    found = stamps(pa.chunked_array([pa.array(texts)]), zone, 1900 if type_ == "date" else 1971)
    assert found.instants.to_pylist() == values.to_pylist()
    assert found.left == sum(reason is not None for reason in reasons)
    read = [text for text, value in zip(texts, values, strict=True) if value.is_valid]
    assert found.offset in ({moment(text, UTC, first_year=1900).offset for text in read} or {None})


@pytest.mark.parametrize(
    "odd", ["2026-02-29", "2026-13-01", "2026-01-00", "2026-1-01", "20260101", "0000-01-01", "１026-01-01", "2026-01-01 "]
)  # fmt: skip
def test_one_odd_stamp_is_left_to_the_other_ways(odd):
    found = stamps(pa.chunked_array([["2026-01-01", odd, "2026-01-02"]]), ZONE, 1971)
    assert found.left == 1
    assert [instant is None for instant in found.instants.to_pylist()] == [False, True, False]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.datetimes(datetime(1960, 1, 1), datetime(2110, 1, 1))), min_size=1, max_size=30),
    st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/St_Johns"]),
    st.sampled_from(["us", "ms", "date"]),
)
def test_clock_times_of_a_typed_column_are_read_as_the_slow_way_reads_them(stated, zone, unit):
    kind = pa.date32() if unit == "date" else pa.timestamp(unit)
    laid = [wall and (wall.date() if unit == "date" else wall) for wall in stated]
    column = pa.chunked_array([pa.array(laid, None if unit == "date" else pa.timestamp("us")).cast(kind, safe=False)])
    found = walls(column, zone, 1971)
    texts = ["" if wall is None else str(wall) for wall in column.to_pylist()]
    values, reasons = slow(Reading("r", Field(column="x"), "instant", "x", zone), texts)
    assert found.instants.to_pylist() == values.to_pylist()
    assert found.left == sum(reason is not None for reason in reasons)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.one_of(NUMBERS, st.just("")), min_size=1, max_size=40),
    st.sampled_from(["1", "0.01", "0.0001"]),
    st.booleans(),
)
def test_numbers_read_at_once_are_read_as_the_slow_way_reads_them(texts, unit, is_float):
    texts = [text.replace("\x00", "") for text in texts]
    found = figures(pa.chunked_array([pa.array(texts)]), Decimal(unit), is_float=is_float)
    reading = Reading("r", Field(column="x", unit=Decimal(unit)), "float" if is_float else "money", "x", ZONE)
    values = slow(reading, texts)[0].to_pylist()
    read = found.values.to_pylist()
    assert all(one in (None, other) for one, other in zip(read, values, strict=True))
    assert found.left == sum(bool(text) and one is None for text, one in zip(texts, read, strict=True))


def test_plain_numbers_are_all_read_at_once():
    texts = ["0", "-0", "+5", "-1.5", "12.3456", "9999999999999.9999", "-9999999999999.9999", "007"]
    found = figures(pa.chunked_array([texts[:3], texts[3:]]), Decimal(1), is_float=False)
    assert found.values.to_pylist() == [Decimal(text) for text in texts]
    odd = ["1.", ".5", "1.23456", "12345678901234", "1e5", "--1", "+-1", "1-", "1.2.3", "１", " 1", "-", "."]
    assert figures(pa.chunked_array([odd]), Decimal(1), is_float=False).left == len(odd)


def test_stamps_of_two_offsets_are_left_to_the_other_ways():
    column = pa.chunked_array([["2026-01-01T00:00:00+08:00"], ["2026-01-01T00:00:00+09:00"]])
    assert stamps(column, ZONE, 1971) is None


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["money", "float", "text", "key", "bool", "name"]),
    st.lists(st.one_of(NUMBERS, st.sampled_from(["是", "否", "付款", "NULL", " ", "南枝"])), min_size=1, max_size=20),
)
def test_columns_of_few_texts_are_read_as_the_slow_way_reads_them(type_, texts):
    texts = [text.replace("\x00", "") for text in texts]
    reading = Reading("r", Field(column="x"), type_, "x", ZONE)
    mapping = SimpleNamespace(readings={"r": reading})
    rows, _, doubtful = with_ready(mapping, pa.table({"x": texts}), {"x": "text"})
    values, reasons = slow(reading, texts)
    assert rows["_ready_r"].to_pylist() == values.to_pylist()
    assert bool(doubtful) == any(reasons)
    if doubtful:
        assert rows["_ready_r_why"].to_pylist() == reasons
        assert [raw is not None for raw in rows["_ready_r_raw"].to_pylist()] == [why is not None for why in reasons]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(STAMPS, st.just("2026-09-01T08:05:00+08:00")), min_size=1, max_size=30))
def test_stamps_that_are_left_are_read_one_by_one(texts):
    texts = ["2026-09-01T08:05:00+08:00"] * 40 + texts
    reading = Reading("r", Field(column="x"), "instant", "x", ZONE)
    rows, kinds, _ = with_ready(SimpleNamespace(readings={"r": reading}), pa.table({"x": texts}), {"x": "plain"})
    values, reasons = slow(reading, texts)
    assert rows["_ready_r"].to_pylist() == values.to_pylist()
    if any(reasons):
        assert rows["_ready_r_why"].to_pylist() == reasons
    connection = duckdb.connect()
    connection.register("given", rows.append_column("_line", pa.array(range(len(texts)))))
    found = {}
    for name, columns in (("ready", kinds), ("engine", {"x": "plain"})):
        query = exp.select(offset_minutes(reading, columns).as_("o")).from_("given").order_by("_line")
        found[name] = [row[0] for row in connection.sql(query.sql("duckdb")).fetchall()]
    connection.close()
    assert found["ready"] == found["engine"]
