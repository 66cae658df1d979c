"""Random rules for Hypothesis."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from limner.core.errors import BadDefinition
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
)
from limner.core.rule.tree import FUNCTIONS
from limner.core.rule.windows import UNITS

NAMES = st.one_of(
    st.sampled_from(
        [
            "orders",
            "近30天收藏次数",
            "interest.女装",
            "正价占比",
            "and",
            "或",
            "times",
            "within",
            "since",
            "contains",
            "between",
            "count",
            "today",
            "ago",
            "有",
            "30天",
            "a b",
            "x`y",
            "z\\",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6).filter(
        str.isprintable
    ),
)
NUMBERS = st.one_of(
    st.integers(-(10**18), 10**18),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-999, max_value=999),
)
SCALARS = st.one_of(
    NUMBERS,
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.booleans(),
    st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.integers(-(10**9), 10**9).map(lambda seconds: Ago(timedelta(seconds=seconds))),
)
SPANS = st.none() | st.integers(1, 10**8).map(lambda seconds: timedelta(seconds=seconds))
COMPARED = st.one_of(
    st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), SCALARS),
    st.tuples(st.just("in"), st.lists(SCALARS, max_size=4).map(tuple)),
    st.tuples(st.sampled_from(["contains", "starts_with", "ends_with"]), st.text("上a\"' \\", min_size=1, max_size=4)),
)
MATCHES = st.builds(lambda name, pair: Match(name, *pair), NAMES, COMPARED)
MATCHING = st.lists(MATCHES, max_size=2).map(tuple)
STEP = st.builds(Step, NAMES, MATCHING)
STEPS = st.lists(STEP, min_size=2, max_size=3).map(tuple)
EDGES = st.none() | st.dates(date(1970, 1, 1), date(2100, 1, 1)) | st.datetimes(
    datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)
)  # fmt: skip


def _between(start, end):
    try:
        return Between(start, end)
    except BadDefinition:
        return None


WINDOWS = st.one_of(
    SPANS,
    st.builds(_between, EDGES, EDGES),
    st.builds(Period, st.sampled_from(UNITS), st.integers(0, 9_999)),
    st.builds(After, STEP),
)
SHARES = st.decimals(min_value=Decimal("0.0001"), max_value=1, places=4)
LEAVES = st.one_of(
    st.builds(Has, NAMES),
    st.builds(lambda name, pair: Compare(name, *pair), NAMES, COMPARED),
    st.builds(Did, NAMES, st.integers(1, 9), WINDOWS, MATCHING),
    st.builds(lambda name, pair, *more: Aggregate("count", name, "", *pair, *more), NAMES, COMPARED, WINDOWS, MATCHING),
    st.builds(
        lambda function, name, of, pair, *more: Aggregate(function, name, of, *pair, *more),
        st.sampled_from(FUNCTIONS[1:]),
        NAMES,
        NAMES,
        COMPARED,
        WINDOWS,
        MATCHING,
    ),
    st.builds(Sequence, STEPS, SPANS, st.lists(STEP, max_size=2).map(tuple)),
    st.builds(Top, NAMES, SHARES, st.booleans()),
    st.builds(Sample, SHARES, st.text('ab 秋"', max_size=3)),
    st.builds(In, NAMES),
    st.builds(
        lambda lon, lat, radius, tag: Near((lon, lat), radius, tag),
        st.decimals(-180, 180, places=4),
        st.decimals(-90, 90, places=4),
        st.integers(1, 50_000) | st.just(Decimal("0.5")),
        st.just("place") | NAMES,
    ),
)


def _node(parts):
    many = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(And, many), st.builds(Or, many), st.builds(Not, parts))


RULES = st.recursive(LEAVES, _node, max_leaves=8)
