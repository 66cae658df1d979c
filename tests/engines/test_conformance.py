"""The conformance suite: every engine gives the same answers, and every dialect can say every query and read it back.

One file of queries, a list of engines: an engine is a function from rows of tables to a function that answers SQL.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from sqlglot import exp, parse_one

from limner.store.lake.dialects import DIALECTS, write
from limner.store.lake.functions import functions, tokens

QUERIES = tomllib.loads(Path(__file__).with_name("queries.toml").read_text(encoding="utf-8"))["query"]
Answer = Callable[[exp.Query], list[tuple[object, ...]]]


def duckdb_engine() -> Answer:
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("set timezone = 'UTC'")
    connection.execute("create table customers (number int, name text)")
    connection.execute("insert into customers values (1, '王小明'), (3, 'émile'), (9, null)")
    connection.execute("create table orders (number int, amount decimal(18,4), via text, happened_at timestamptz)")
    connection.execute(
        "insert into orders values (1, 5, 'web', '2026-09-01 00:00:00+00'), (1, 10, 'app', '2026-09-02 00:00:00+00'), "
        "(2, 15, 'app', '2026-09-01 00:00:00+00'), (2, 25, 'pos', '2026-09-03 00:00:00+00'), "
        "(2, 45, 'web', '2026-09-03 00:00:00+00'), (2, null, 'app', '2026-09-02 00:00:00+00')"
    )
    return lambda query: connection.execute(write(query, "duckdb")).fetchall()


ENGINES = {"duckdb": duckdb_engine}


def plain(value: object) -> object:
    """Engines answer numbers in their own types; the value is what counts."""
    if value is None:
        return "null"
    return float(value) if isinstance(value, Decimal | int | float) and not isinstance(value, bool) else value


@pytest.fixture(scope="module", params=sorted(ENGINES))
def answer(request: pytest.FixtureRequest) -> Answer:
    return ENGINES[request.param]()


@pytest.mark.parametrize("case", QUERIES, ids=[case["name"] for case in QUERIES])
def test_engines_agree(answer: Answer, case: dict[str, object]) -> None:
    found = answer(parse_one(case["sql"], read="duckdb"))
    assert [[plain(v) for v in row] for row in case["answer"]] == [[plain(v) for v in row] for row in found]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", QUERIES, ids=[case["name"] for case in QUERIES])
def test_dialects_say_every_query_and_read_it_back(dialect: str, case: dict[str, object]) -> None:
    tokens(case["sql"], "queries.toml")
    text = write(parse_one(case["sql"], read="duckdb"), dialect)
    assert parse_one(text, read=dialect).sql(dialect=dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", sorted(functions()))
def test_dialects_say_every_function(dialect: str, name: str) -> None:
    for form in functions()[name].forms:
        query = parse_one(f"select {form.replace(':', 'c_')} as v from t", read="duckdb")
        text = write(query, dialect)
        assert parse_one(text, read=dialect) is not None
        assert "c_" in text or ":" not in form


SAID = [
    ("clickhouse", "count(distinct a)", "uniqExact(a)"),
    ("clickhouse", "substr(a, 1, 2)", "substringUTF8(a, 1, 2)"),
    ("clickhouse", "quantile_cont(a, 0.5)", "quantileExactInclusive(0.5)(a)"),
    ("clickhouse", "quantile_cont(a, 0.5) filter (where b)", "quantileExactInclusive(0.5)(a) FILTER(WHERE b)"),
    ("clickhouse", "cast(cast(a as decimal(18,4)) as int)", "round("),
    ("clickhouse", "round(a + b)", "floor(abs((a + b)) + 0.5)"),
    ("clickhouse", "cast('2026-09-01 00:00:00+00:00' as timestamptz)", "parseDateTime64BestEffort("),
    ("clickhouse", "sum(a)", "SETTINGS join_use_nulls = 1, aggregate_functions_null_for_empty = 1"),
    ("spark", "quantile_cont(a, 0.5)", "PERCENTILE(a, 0.5)"),
    ("spark", "epoch(a)", "UNIX_MICROS(a) / 1000000"),
    ("spark", "cast(cast(a as double) as int)", "BROUND("),
    ("postgres", "arg_max(a, b)", "(ARRAY_AGG(a ORDER BY b DESC, a DESC) FILTER(WHERE a IS NOT NULL))[1]"),
    ("postgres", "a / b", "DOUBLE PRECISION"),
    ("doris", "sum(a) filter (where b)", "SUM(CASE WHEN b THEN a END)"),
    ("doris", "count(distinct a) filter (where b)", "COUNT(DISTINCT CASE WHEN b THEN a END)"),
    ("doris", "count(*) filter (where b)", "COUNT(CASE WHEN b THEN 1 END)"),
]


@pytest.mark.parametrize(("dialect", "ours", "theirs"), SAID)
def test_known_misses_are_said_otherwise(dialect: str, ours: str, theirs: str) -> None:
    text = write(parse_one(f"select {ours} as v from t", read="duckdb"), dialect)
    assert theirs.lower() in text.lower()
