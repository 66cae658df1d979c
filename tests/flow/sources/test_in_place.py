"""Events read where they lie: the same answers as of rows taken in, whatever the file; changes noticed; erasure."""

import os
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from intake import NOW, Intake
from limner.core.actor import OWNER
from limner.core.errors import BadDefinition, BadInput, Broken
from limner.flow.sources import base, holding, list_loads, withdraw
from limner.store.lake.in_place import known

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
ACTS = """
id: acts
files: [tab]
in_place: {in_place}
identifiers: {{member_no: 会员, phone: 手机}}
events:
  - {{name: {{constant: Order Completed}}, matching: {{类型: 下单}}, happened_at: 时间, order_id: 单号, amount: 金额,
     category: 品类, properties: {{coupon: dt}}}}
  - {{name: 类型, happened_at: 时间, category: 品类, via: {{constant: 小程序}}}}
"""
TILLS = """
id: tills
files: [tills.csv]
identifiers: {member_no: m}
events: [{name: {constant: Order Completed}, happened_at: t, order_id: o, amount: a}]
"""
SAME = "SELECT * EXCLUDE (seq) FROM events ORDER BY ALL"
TRACED = (
    "SELECT e.* EXCLUDE (seq, trace), t.kind AS trace_kind, t.hash AS trace_hash FROM events AS e "
    "LEFT JOIN traces AS t ON e.trace = t.trace ORDER BY ALL"
)


def rows(count, first=0):
    kinds = ("下单", "浏览", "收藏")
    return pa.table(
        {
            "会员": [f"M{(i + first) % 7}" if i % 5 else None for i in range(count)],
            "手机": [f"1380013{i % 10000:04d}" for i in range(count)],
            "类型": [kinds[i % 3] for i in range(count)],
            "时间": pa.array([FIRST + timedelta(hours=7 * i) for i in range(count)], pa.timestamp("us", tz="UTC")),
            "单号": [f"T{first + i}" if i % 3 == 0 else None for i in range(count)],
            "金额": [("１２．５" if i % 11 == 0 else f"{i}.25") if i % 3 == 0 else None for i in range(count)],
            "品类": ["女装" if i % 2 else " 男装 " for i in range(count)],
        }
    )


def lay(folder, name, table, **more):
    path = folder / "tab" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **more)
    return path


def both(folder, *, lay_out, source=ACTS):
    """One shop that reads in place and one that takes in, over the same files."""
    shops = []
    for name, in_place in (("here", "true"), ("taken", "false")):
        lay_out(folder / name)
        shops.append(keyed(Intake(folder / name, source.format(in_place=in_place))))
    return shops


def keyed(shop):
    """The shop with a key that makes its traces those of every other shop."""
    shop.stores = replace(shop.stores, hash_key=b"k" * 32)
    return shop


def two_days(folder):
    for day in ("2026-11-01", "2026-11-02"):
        lay(folder, f"dt={day}/part-0.parquet", rows(100, int(day[-1]) * 1000), row_group_size=30)


def read(path, column):
    return pq.read_table(path, columns=[column])[column].to_pylist()


@pytest.fixture
def shop(tmp_path):
    two_days(tmp_path)
    found = Intake(tmp_path, ACTS.format(in_place="true"))
    found.load()
    return found


def test_answers_are_those_of_rows_taken_in(tmp_path):
    here, taken = both(tmp_path, lay_out=two_days)
    assert here.load().counts == taken.load().counts
    assert here.one("SELECT count(*) AS n FROM events") == 268
    for sql in (
        SAME,
        "SELECT trace, name, sum(amount) AS paid, count(*) AS n FROM events GROUP BY ALL ORDER BY ALL",
        "SELECT load, list(happened_at ORDER BY seq) AS moments FROM events GROUP BY load ORDER BY load",
        "SELECT * EXCLUDE (seq) FROM identifiers ORDER BY ALL",
        "SELECT day, hour, count(*) AS n FROM events WHERE day >= 20520 AND hour < 12 GROUP BY ALL ORDER BY ALL",
    ):
        assert here.ask(sql) == taken.ask(sql), sql


def test_nothing_is_copied_but_what_the_file_does_not_give(shop):
    lake = shop.stores.lake
    sides = sorted(lake.folder.glob("in_place/*.parquet"))
    assert len(sides) == 4
    assert not list(lake.folder.glob("events/*.parquet"))
    names = {name for path in sides for name in pq.read_schema(path).names}
    assert names == {"seq", "load", "source", "received_at", "trace", "place", "is_used", "differing", "amount"}
    odd = [value for path in sides if "amount" in pq.read_schema(path).names for value in read(path, "amount")]
    assert set(odd) == {None, Decimal("12.5000")}
    assert {one.beside for one in known(shop.stores.ledger).values()} == {(("amount",), ())}
    for path in lake.folder.rglob("*.parquet"):
        assert b"13800130001" not in path.read_bytes()


def test_a_file_of_many_batches_and_files_of_other_types(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "CHUNK_ROWS", 150)

    def lay_out(folder):
        lay(folder, "a.parquet", rows(400), row_group_size=50)
        odd = rows(90, 5000).set_column(5, "金额", pa.array([Decimal(i) for i in range(90)], pa.decimal128(9, 2)))
        lay(folder, "b.parquet", odd.append_column("另", pa.array([1] * 90)))
        lay(folder, "c.parquet", rows(0))
        lay(folder, "d.parquet", rows(70, 9000))

    here, taken = both(tmp_path, lay_out=lay_out, source=ACTS.replace("properties: {{coupon: dt}}", "quantity: 金额"))
    here.load()
    taken.load()
    assert here.ask(SAME) == taken.ask(SAME)
    assert here.one("SELECT count(*) AS n FROM events") == 748


# ------------------------------------------------------------------------------------------------ changes

COUNT = "SELECT count(*) AS n FROM events"
BY_LOAD = "SELECT load, count(*) AS n FROM events GROUP BY load ORDER BY load"


def test_a_changed_file_is_said_and_only_that_one_read_again(shop):
    path = lay(shop.folder, "dt=2026-11-01/part-0.parquet", rows(40, 1000))
    with pytest.raises(Broken) as failed:
        shop.one(COUNT)
    assert failed.value.code == "in_place_changed"
    assert failed.value.params["path"] == str(path)
    assert failed.value.params["source"] == "acts"
    taken = shop.load()
    assert [(one.is_unchanged, one.replaces) for one in taken.files] == [(False, 1), (True, None)]
    assert shop.ask(BY_LOAD) == [{"load": 2, "n": 134}, {"load": 3, "n": 54}]
    assert [(one.load, one.state) for one in list_loads(shop.stores)] == [(1, "withdrawn"), (2, "done"), (3, "done")]


def test_a_file_written_anew_with_the_same_size_and_time_is_noticed(shop):
    path = shop.folder / "tab/dt=2026-11-01/part-0.parquet"
    was, body = path.stat(), bytearray(path.read_bytes())
    place = body.rindex(b"PAR1") - 40
    body[place] ^= 1
    path.write_bytes(body)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    shop.stores.lake.catalog._last.clear()
    shop.stores.lake._mounted.clear()
    with pytest.raises(Broken) as failed:
        shop.one(COUNT)
    assert failed.value.code in ("in_place_changed", "lake_query_failed")


def test_a_partition_written_anew_under_other_names(shop):
    (shop.folder / "tab/dt=2026-11-01/part-0.parquet").unlink()
    lay(shop.folder, "dt=2026-11-01/part-1.parquet", rows(10, 100))
    lay(shop.folder, "dt=2026-11-03/part-1.parquet", rows(10, 300))
    assert shop.load().unchanged == 1
    assert shop.one(COUNT) == 134 + 14 + 14


def test_a_vanished_file_is_said_with_the_way_out(shop):
    (shop.folder / "tab/dt=2026-11-02/part-0.parquet").unlink()
    with pytest.raises(Broken) as failed:
        shop.one(COUNT)
    assert (failed.value.code, failed.value.params["load"]) == ("in_place_gone", 2)
    withdraw(shop.stores, 2, who=OWNER, now=NOW)
    assert shop.one(COUNT) == 134


def test_a_file_that_was_only_touched_is_not_read_again(shop):
    os.utime(shop.folder / "tab/dt=2026-11-01/part-0.parquet", ns=(1, 2))
    with pytest.raises(Broken):
        shop.one(COUNT)
    assert shop.load().unchanged == 2
    assert shop.one(COUNT) == 268


def test_a_file_taken_in_before_is_read_in_place_when_its_source_says_so(tmp_path):
    two_days(tmp_path)
    shop = Intake(tmp_path, ACTS.format(in_place="false"))
    shop.load()
    before = shop.ask("SELECT * EXCLUDE (seq, load) FROM events ORDER BY ALL")
    shop.say(ACTS.format(in_place="true"))
    shop.load()
    assert shop.ask("SELECT * EXCLUDE (seq, load) FROM events ORDER BY ALL") == before
    assert {one.state for one in list_loads(shop.stores)[:2]} == {"withdrawn"}


def test_an_order_stated_by_another_source_first_is_a_reject_here(tmp_path):
    two_days(tmp_path)
    shop = Intake(tmp_path, TILLS, ACTS.format(in_place="true"))
    shop.put("tills.csv", "m,t,o,a\nM1,2026-03-01,T1000,5\nM2,2026-03-01,T2003,6\n")
    first = shop.load(source="tills").loads[0]
    taken = shop.load(source="acts")
    assert taken.rejected == {"duplicate order": 2}
    assert shop.one(COUNT) == 268 - 2
    assert shop.one("SELECT count(*) AS n FROM spare_events") == 4
    withdraw(shop.stores, first, who=OWNER, now=NOW)
    assert shop.one("SELECT count(*) AS n FROM events WHERE order_id IN ('T1000', 'T2003')") == 2


def test_a_held_load_released_leaves_what_others_have_stated_since(tmp_path):
    two_days(tmp_path)
    checks = "checks: [{check: volume, at_least: 1000, level: hard}]\n"
    shop = Intake(tmp_path, TILLS, ACTS.format(in_place="true") + checks)
    held = shop.load(source="acts").held
    assert len(held) == 2
    assert shop.one(COUNT) == 0
    shop.put("tills.csv", "m,t,o,a\nM1,2026-03-01,T1000,5\n")
    shop.load(source="tills")
    released = holding.release(shop.stores, held[0], why="looked at", who=OWNER, now=NOW)
    assert released.aside == 1
    assert shop.one(COUNT) == 1 + 133
    assert shop.one("SELECT sum(amount) AS n FROM events WHERE order_id = 'T1000'") == Decimal(5)


def test_refusals(tmp_path):
    (tmp_path / "tab").mkdir()
    shop = Intake(tmp_path, ACTS.format(in_place="true"))
    shop.put("tab/a.csv", "会员,手机,类型,时间,单号,金额,品类,dt\n")
    with pytest.raises(BadInput) as failed:
        shop.load()
    assert (failed.value.code, failed.value.params["kind"]) == ("file_not_in_place", "csv")
    (tmp_path / "tab/a.csv").unlink()
    lay(tmp_path, "dt=1/a.parquet", rows(3))
    shop.say(ACTS.format(in_place="true") + "lines: {item_id: 品类}\n")
    with pytest.raises(BadDefinition) as failed:
        shop.load()
    assert (failed.value.code, failed.value.params["what"]) == ("source_not_in_place", "order lines")


# ------------------------------------------------------------------------------------------------ random files

TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "女装", " 女装 ", "a", "A ", "NULL", "无", "ａｂ", "=1", "x\x00y", "cafe\u0301", "-", "\t"]
    ),
)
NUMBERS = st.one_of(
    st.none(),
    st.sampled_from(["1", "1,200.5", "￥３", "1e3", "-0", "12345678901234567", "nan", "", "x", "0.00005", "7元"]),
)
STAMPS = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "2026-03-01",
            "2026/3/1 8:05",
            "2026-03-29 02:30:00",
            "2026-03-01T08:00:00+05:30",
            "20260301",
            "昨天",
            "1970-01-01",
            "",
        ]
    ),
)
COLUMNS = {
    "text": (TEXTS, pa.string()),
    "number": (NUMBERS, pa.string()),
    "stamp": (STAMPS, pa.string()),
    "float": (st.one_of(st.none(), st.floats(width=32)), pa.float64()),
    "int": (st.one_of(st.none(), st.integers(-(2**40), 2**40)), pa.int64()),
    "small": (st.one_of(st.none(), st.integers(0, 255)), pa.uint8()),
    "money": (st.one_of(st.none(), st.decimals(-(10**6), 10**6, places=3)), pa.decimal128(12, 3)),
    "moment": (
        st.one_of(st.none(), st.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1))),
        pa.timestamp("us", tz="UTC"),
    ),
    "wall": (st.one_of(st.none(), st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1))), pa.timestamp("ns")),
    "zoned": (
        st.one_of(st.none(), st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1))),
        pa.timestamp("ns", tz="UTC"),
    ),
    "date": (st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2100, 1, 1))), pa.date32()),
    "bool": (st.one_of(st.none(), st.booleans()), pa.bool_()),
}
ANY = st.sampled_from([*COLUMNS, "dt"])
WORDS = st.sampled_from([{"words": {"女装": "女", "a": "b"}}, {"unit": 0.01}, {}, {}])


@st.composite
def mappings(draw):
    def field(among=ANY, **more):
        return {"column": draw(among), **more}

    event = {"name": field() if draw(st.booleans()) else {"constant": draw(st.sampled_from(["下单", "看 了"]))}}
    event["happened_at"] = field(st.sampled_from(["moment", "wall", "zoned", "stamp", "date"]))
    for name in ("order_id", "item_id", "category", "session", "via"):
        if draw(st.booleans()):
            event[name] = field(**({"words": {"女装": "女", "1": "一"}} if draw(st.booleans()) else {}))
    for name in ("quantity", "amount"):
        if draw(st.booleans()):
            event[name] = field(
                st.sampled_from(["number", "float", "int", "money", "small", "text"]),
                unit=draw(st.sampled_from([1, 0.01])),
            )
    if draw(st.booleans()):
        event["category"] = {"columns": ["text", "int"], "join": draw(st.sampled_from(["-", "／"]))}
    event["properties"] = {
        name: field() for name in ("coupon", "list_amount", "campaign", "undeclared") if draw(st.booleans())
    }
    events = [event]
    if draw(st.booleans()):
        matching = draw(st.sampled_from([{"text": "女装"}, {"int": {"over": 0}}, {"bool": ["True", "true"]}]))
        events.append({**event, "matching": matching, "name": {"constant": "Page Viewed"}})
    return {
        "id": "acts", "files": ["tab"], "events": events, "identifiers": {"member_no": "text", "device_id": "int"},
        "extra": draw(st.sampled_from(["keep", "drop"])), "is_history": draw(st.booleans()),
        "zone": draw(st.sampled_from(["", "Europe/Berlin", "America/New_York"])),
        **({"reject": [{"matching": {"small": {"over": 200}}, "reason": "too much"}]} if draw(st.booleans()) else {}),
        **({"cancelled": {"bool": ["true"]}} if draw(st.booleans()) else {}),
    }  # fmt: skip


@st.composite
def files(draw):
    count = draw(st.integers(1, 25))
    columns = {n: pa.array(draw(st.lists(v, min_size=count, max_size=count)), k) for n, (v, k) in COLUMNS.items()}
    return pa.table(columns), draw(st.integers(1, 30))


ODD = {"source": mappings(), "tables": st.lists(files(), min_size=1, max_size=3)}
PLAIN = {"deadline": None, "phases": [Phase.explicit, Phase.generate], "suppress_health_check": list(HealthCheck)}


@settings(max_examples=3, **PLAIN)
@given(**ODD)
def test_random_files_by_random_mappings_answer_alike(tmp_path_factory, source, tables):
    folder = tmp_path_factory.mktemp("random")
    answers = []
    try:
        for name, in_place in (("here", True), ("taken", False)):
            for at, (table, size) in enumerate(tables):
                lay(folder / name, f"dt=2026-11-0{at + 1}/a.parquet", table, row_group_size=size)
            shop = keyed(Intake(folder / name, yaml.safe_dump({**source, "in_place": in_place}, allow_unicode=True)))
            counts = shop.load().counts
            rejects = shop.ask("SELECT * EXCLUDE (seq) FROM rejects ORDER BY ALL")
            answers.append((counts, [repr(row) for row in shop.ask(TRACED)], [repr(row) for row in rejects]))
            shop.stores.close()
    finally:
        shutil.rmtree(folder)
    here, taken = answers
    assert here[0] == taken[0]
    assert sorted(set(here[1]) ^ set(taken[1])) == []
    assert here == taken


@pytest.mark.slow
@settings(max_examples=40, **PLAIN)
@given(**ODD)
def test_more_random_files_answer_alike(tmp_path_factory, source, tables):
    test_random_files_by_random_mappings_answer_alike.hypothesis.inner_test(tmp_path_factory, source, tables)
