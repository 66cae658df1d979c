"""One rule, two readers, no third: columns and SQL give the same members, on random trees over random shops."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.core.errors import BadDefinition, NotFound
from limner.core.rule import (
    After,
    Aggregate,
    Ago,
    And,
    Between,
    Compare,
    Did,
    Has,
    In,
    Match,
    Near,
    Not,
    Or,
    Period,
    Sample,
    Sequence,
    Step,
    Top,
    parse,
)
from limner.core.rule.sample import bound, place
from limner.core.rule.windows import UNITS
from limner.store.gallery import Gallery, bits, evaluate
from limner.store.gallery.happened import Happened, micros, property_column
from limner.store.gallery.leaf_cache import LeafCache
from limner.store.gallery.table import to_arrow
from limner.store.lake.dialects import DIALECTS, write
from limner.store.lake.rule_sql import SqlReading, behaviour_query, members_query
from store.rule_by_hand import ByHand

ZONE = ZoneInfo("Asia/Shanghai")
ASOF = datetime(2026, 9, 1, 3, 30, tzinfo=UTC)
TYPES = {
    "orders": "int",
    "big": "int",
    "score": "float",
    "half": "float",
    "net": "money",
    "born": "day",
    "joined": "instant",
    "vip": "bool",
    "城市.现居": "text",
    "place.lon": "float",
    "place.lat": "float",
}
ARROW_TYPES = {
    "orders": pa.int64(),
    "big": pa.int64(),
    "score": pa.float64(),
    "half": pa.float32(),
    "net": pa.decimal128(18, 4),
    "born": pa.date32(),
    "joined": pa.timestamp("us", "UTC"),
    "vip": pa.bool_(),
    "城市.现居": pa.string(),
    "place.lon": pa.float64(),
    "place.lat": pa.float64(),
}
MONEY = st.sampled_from([Decimal(text) for text in ("0", "-1.5", "9.99", "10", "10.0001", "99999999999.9999")])
VALUES = {
    "orders": st.integers(-2, 4),
    "big": st.sampled_from([0, 127, 128, -129, 70_000, 2**40, -(2**63), 2**63 - 1]),
    "score": st.sampled_from([0.0, 0.1, 0.3, 0.30000000000000004, -1e300, 2.5]),
    "half": st.sampled_from([0.0, 0.1, 0.25, 0.3, 16777217.0]),
    "net": MONEY,
    "born": st.sampled_from([date(1969, 12, 31), date(1970, 1, 1), date(2000, 2, 29)]),
    "joined": st.sampled_from([ASOF, ASOF - timedelta(microseconds=1), datetime(1960, 1, 1, tzinfo=UTC)]),
    "vip": st.booleans(),
    "城市.现居": st.sampled_from(["上海", "杭州", "", "it's", 'a"b\\', "🙂"]),
    "place.lon": st.sampled_from([121.47, 121.5, -179.9, 0.0]),
    "place.lat": st.sampled_from([31.23, 31.25, 89.9, 0.0]),
}
CONSTANTS = VALUES | {
    "orders": st.integers(-3, 5) | st.sampled_from([Decimal("0.5"), Decimal("-1.5"), 10**25]),
    "big": st.sampled_from([0, 127, 128, 2**40, 2**63, -(2**63), -(10**25), Decimal("127.5")]),
    "score": st.sampled_from([Decimal("0.3"), Decimal("0.1"), 0, 2, 10**20]),
    "half": st.sampled_from([Decimal("0.3"), Decimal("0.1"), Decimal("0.25"), 16777217, 16777216]),
    "net": MONEY | st.sampled_from([Decimal("9.99005"), 10**20, -(10**16)]),
    "城市.现居": st.sampled_from(["上海", "杭州", "北京", "", "it's", 'a"b\\', "🙂"]),
}
FEW_OPS = {"vip": ("==", "!="), "城市.现居": ("==", "!=")}
OPS = ("==", "!=", "<", "<=", ">", ">=")
AGES = st.sampled_from(
    [
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(minutes=30),
        timedelta(hours=11, minutes=30),
        timedelta(hours=12),
        timedelta(days=1, hours=11, minutes=30),
        timedelta(days=7),
        timedelta(days=-1),
        timedelta(days=400),
    ]
)
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.sampled_from(["view", "buy", "收藏"]),
        AGES,
        st.none() | MONEY,
        st.none() | st.sampled_from(["女装", "男装"]),
        st.integers(0, 23),
    ),
    max_size=25,
)
PROPERTIES = {"amount": "money", "category": "text", "hour": "int"}
MATCHES = st.one_of(
    st.builds(lambda op, v: Match("amount", op, v), st.sampled_from(OPS), MONEY),
    st.builds(lambda op, v: Match("category", op, v), st.sampled_from(("==", "!=")), st.sampled_from(["女装", "童装"])),
    st.builds(lambda vs: Match("category", "in", tuple(vs)), st.lists(st.sampled_from(["女装", "童装"]), max_size=2)),
    st.builds(lambda op, v: Match("hour", op, v), st.sampled_from(OPS), st.integers(8, 20)),
)
MATCHING = st.lists(MATCHES, max_size=2).map(tuple)
SPANS = st.none() | st.sampled_from([timedelta(minutes=40), timedelta(hours=12), timedelta(days=1), timedelta(days=8)])
NAMES = st.sampled_from(["view", "buy", "收藏", "never"])


STEPS = st.builds(Step, NAMES, MATCHING)
DAYS = st.sampled_from([date(2026, 8, 24), date(2026, 8, 31), date(2026, 9, 1), date(2025, 7, 28), date(2026, 9, 2)])
INSTANTS = st.sampled_from([ASOF - timedelta(hours=12), ASOF - timedelta(days=7), ASOF, ASOF + timedelta(hours=1)])


def _between(start, end):
    try:
        return Between(start, end)
    except BadDefinition:
        return Between(start, None) if start else Period("week")


WINDOWS = st.one_of(
    SPANS,
    st.builds(_between, st.none() | DAYS | INSTANTS, st.none() | DAYS | INSTANTS),
    st.builds(Period, st.sampled_from(UNITS), st.integers(0, 14)),
    st.builds(After, STEPS),
)
SHARES = st.sampled_from([Decimal("0.001"), Decimal("0.1"), Decimal("0.25"), Decimal("0.5"), Decimal("0.75"), 1])
ORDERED_TAGS = [name for name in sorted(TYPES) if TYPES[name] not in ("text", "bool")]
NUMBERS = st.integers(-1, 4) | MONEY | st.sampled_from([Decimal("1.5"), Decimal("4.245"), 10**16, -(10**20)])
TEXTS = st.builds(
    Compare,
    st.just("城市.现居"),
    st.sampled_from(("contains", "starts_with", "ends_with")),
    st.sampled_from(["上", "海", "杭州", "'", "\\", "🙂", "%", "_"]),
)
AGOS = st.sampled_from([Ago(), Ago(timedelta(days=-1)), Ago(timedelta(days=9740)), Ago(timedelta(days=20698))])
EXACT_AGOS = AGOS | st.sampled_from([Ago(timedelta(minutes=30)), Ago(timedelta(hours=-5))])
RELATIVE = st.builds(Compare, st.just("born"), st.sampled_from(OPS), AGOS) | st.builds(
    Compare, st.just("joined"), st.sampled_from(OPS), EXACT_AGOS
)


def _lists(values):
    return st.lists(values, max_size=3).map(tuple)


def _aggregate(function, of, op, value, within, matching):
    return Aggregate(function, "buy" if function == "sum" else "view", of, op, value, within, matching)


def _counted(functions, of, values):
    one = st.builds(_aggregate, functions, of, st.sampled_from(OPS), values, WINDOWS, MATCHING)
    return one | st.builds(_aggregate, functions, of, st.just("in"), _lists(values), WINDOWS, MATCHING)


def _named(functions, of):
    return _counted(st.sampled_from(functions), st.just(of), {"amount": NUMBERS, "hour": st.integers(-1, 24)}[of])


WORDY = st.builds(
    _aggregate,
    st.sampled_from(("first", "last")),
    st.just("category"),
    st.sampled_from(("==", "!=", "contains", "ends_with")),
    st.sampled_from(["女装", "装", "男"]),
    WINDOWS,
    MATCHING,
)
AGGREGATES = st.one_of(
    _counted(st.just("count"), st.just(""), NUMBERS),
    _counted(st.just("distinct"), st.sampled_from(["amount", "category", "hour"]), NUMBERS),
    _named(("sum", "avg", "min", "max", "first", "last"), "amount"),
    _named(("sum", "avg", "min", "max", "first", "last"), "hour"),
    WORDY,
)


def _compare(tag):
    one = st.builds(Compare, st.just(tag), st.sampled_from(FEW_OPS.get(tag, OPS)), CONSTANTS[tag])
    many = st.builds(lambda v: Compare(tag, "in", tuple(v)), st.lists(CONSTANTS[tag], max_size=12))
    return one | many


LEAVES = st.one_of(
    st.builds(Has, st.sampled_from(sorted(TYPES))),
    st.sampled_from(sorted(TYPES)).flatmap(_compare),
    st.sampled_from(sorted(TYPES)).flatmap(_compare),
    TEXTS,
    RELATIVE,
    st.builds(Did, NAMES, st.integers(1, 3), WINDOWS, MATCHING),
    AGGREGATES,
    AGGREGATES,
    st.builds(
        lambda steps, span, without: Sequence(tuple(steps), span, tuple(without)),
        st.lists(STEPS, min_size=2, max_size=3),
        SPANS,
        st.lists(STEPS, max_size=2),
    ),
    st.builds(Top, st.sampled_from(ORDERED_TAGS), SHARES, st.booleans()),
    st.builds(Sample, SHARES, st.sampled_from(["", "spring", "秋"])),
    st.sampled_from([In("rule"), In("list")]),
    st.sampled_from([Near((Decimal("121.47"), Decimal("31.23")), r) for r in (1, 2000, 5000, 10_000_000)]),
)


def _node(parts):
    many = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(And, many), st.builds(Or, many), st.builds(Not, parts))


RULES = st.recursive(LEAVES, _node, max_leaves=6)
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()}), max_size=8)
AUDIENCE = parse("orders > 1 or not vip")


def shop(folder, rows, dead):
    """A gallery version of random customers; `dead` numbers are retired."""
    draft = Gallery(folder).draft()
    for name, arrow in ARROW_TYPES.items():
        draft.put_arrow(name, pa.array([row[name] for row in rows], arrow), type=TYPES[name])
    living = BitMap(range(len(rows) + 1)) - BitMap(dead)
    draft.put_living(living, len(rows) + 1)
    draft.put_members("list", BitMap([0, 2]))
    return draft.view()


def in_memory(rule, version, events):
    happened = Happened(
        np.array([e[0] for e in events], np.int32),
        np.array([e[1] for e in events], object),
        np.array([micros(ASOF - e[2]) for e in events], np.int64),
        ASOF,
        ZONE,
        {
            name: property_column(name, kind, [e[3 + i] for e in events])
            for i, (name, kind) in enumerate(PROPERTIES.items())
        },
    )
    by_rule = bits.to_bitmap(evaluate(AUDIENCE, version))
    audiences = {"rule": by_rule, "list": version.members("list")}.__getitem__
    found = evaluate(rule, version, behaviour=happened, audiences=audiences, at=(ASOF, ZONE))
    return set(bits.numbers(found).tolist())


def tables(version, events):
    return {
        "gallery": to_arrow(version),
        "members": pa.table({"audience": ["list", "list"], "number": pa.array([0, 2], pa.int32())}),
        "links": pa.table({"trace": pa.array(range(100, 109), pa.int32()), "number": pa.array(range(9), pa.int32())}),
        "events": pa.table(
            {
                "trace": pa.array([100 + e[0] for e in events], pa.int32()),
                "name": pa.array([e[1] for e in events], pa.string()),
                "happened_at": pa.array([ASOF - e[2] for e in events], pa.timestamp("us", "UTC")),
                "amount": pa.array([e[3] for e in events], pa.decimal128(18, 4)),
                "category": pa.array([e[4] for e in events], pa.string()),
                "hour": pa.array([e[5] for e in events], pa.int8()),
            }
        ),
    }


def in_sql(connection, rule, given):
    reading = SqlReading(TYPES, ASOF, ZONE, PROPERTIES, {"rule": AUDIENCE})
    for name, table in given.items():
        connection.register(name, table)
    return {number for (number,) in connection.sql(members_query(rule, reading).sql("duckdb")).fetchall()}


@pytest.fixture(scope="module")
def connection():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET threads = 1")
    return connection


TREES = {
    "rows": ROWS,
    "events": EVENTS,
    "rules": st.lists(RULES, min_size=4, max_size=4),
    "dead": st.sets(st.integers(0, 7), max_size=2),
}


def by_hand(connection, rule):
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW acts AS SELECT l.number, e.* FROM events e JOIN links l USING (trace) "
        f"WHERE e.happened_at < TIMESTAMPTZ '{ASOF.isoformat()}'"
    )
    hand = ByHand(ASOF, ZONE, TYPES, PROPERTIES, AUDIENCE, drawn)
    return {number for (number,) in connection.sql(hand.query(rule)).fetchall()}


def drawn(share, salt):
    return [number for number in range(20) if place(number, salt) < bound(share)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(**TREES)
def test_both_readers_and_sql_by_hand_answer_alike(tmp_path_factory, connection, rows, events, rules, dead):
    version = shop(tmp_path_factory.mktemp("shop"), rows, dead)
    given_tables = tables(version, events)
    for rule in rules:
        found = in_sql(connection, rule, given_tables)
        assert in_memory(rule, version, events) == found, rule
        assert by_hand(connection, rule) == found, rule


@pytest.mark.slow
@settings(max_examples=2_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(**TREES)
def test_ten_thousand_trees(tmp_path_factory, connection, rows, events, rules, dead):
    alike = test_both_readers_and_sql_by_hand_answer_alike.hypothesis.inner_test
    alike(tmp_path_factory, connection, rows, events, rules, dead)


@given(rule=RULES)
@settings(max_examples=20, deadline=None)
def test_every_rule_is_written_for_every_engine(rule):
    for dialect in DIALECTS:
        assert write(members_query(rule, SqlReading(TYPES, ASOF, ZONE, PROPERTIES)), dialect).startswith("SELECT")


def test_unknown_answers_no_and_not_is_of_the_living(tmp_path, connection):
    version = shop(tmp_path, [dict.fromkeys(TYPES), dict.fromkeys(TYPES) | {"orders": 3}, dict.fromkeys(TYPES)], {2})
    for written, expected in (
        ("orders != 3", set()),
        ("not orders == 3", {0, 3}),
        ("orders in ()", set()),
        ("not orders in ()", {0, 1, 3}),
        ("not (orders == 3 and vip)", {0, 1, 3}),
        ("not did('never')", {0, 1, 3}),
    ):
        assert in_memory(parse(written), version, []) == expected, written
        assert in_sql(connection, parse(written), tables(version, [])) == expected, written


def test_what_is_known_later_is_not_asked():
    reading = SqlReading(TYPES, ASOF, ZONE, known=ASOF)
    written = behaviour_query(Did("buy", within=timedelta(days=30)), reading).sql("duckdb")
    assert "received_at" in written
    assert "2026-08-01 16:00:00" in written
    assert "2026-08-01 16:00:00" in written


def test_a_name_or_value_of_another_type_is_refused_by_both(tmp_path):
    version = shop(tmp_path, [], set())
    reading = SqlReading(TYPES, ASOF, ZONE)
    for rule, error in (
        (Compare("ordres", ">", 3), NotFound),
        (Compare("orders", ">", "3"), BadDefinition),
        (Compare("vip", ">", True), BadDefinition),
        (Compare("城市.现居", "<", "x"), BadDefinition),
        (Compare("born", "==", 3), BadDefinition),
        (Compare("orders", "==", True), BadDefinition),
    ):
        with pytest.raises(error):
            evaluate(rule, version)
        with pytest.raises(error):
            members_query(rule, reading)


def test_text_cannot_leave_its_literal(tmp_path, connection):
    version = shop(tmp_path, [dict.fromkeys(TYPES) | {"城市.现居": "x' OR '1'='1"}, dict.fromkeys(TYPES)], set())
    for value in ("x' OR '1'='1", "'; drop table gallery; --", "\\' or 1=1 --"):
        rule = Compare("城市.现居", "==", value)
        assert in_sql(connection, rule, tables(version, [])) == in_memory(rule, version, [])


def test_a_leaf_is_answered_once_and_the_cache_has_a_bound(tmp_path):
    version = shop(tmp_path, [dict.fromkeys(TYPES) | {"orders": 3}], set())
    cache = LeafCache(3 * 8192)
    for least in range(6):
        evaluate(Compare("orders", ">", least), version, cache=cache)
    assert cache.held <= 3 * 8192
    asked = []

    class Once:
        name = "events@1"

        def __call__(self, leaf):
            asked.append(leaf)
            return BitMap([0])

    for _ in range(2):
        found = evaluate(And((Did("buy"), Has("orders"))), version, behaviour=Once(), cache=cache)
        assert bits.numbers(found).tolist() == [0]
    assert len(asked) == 1
