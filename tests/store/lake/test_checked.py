"""SQL that people write is held to known columns, listed functions and a closed set of nodes."""

from __future__ import annotations

import pytest
from sqlglot import parse_one

from limner.core.errors import BadDefinition
from limner.store.lake.checked import checked, is_double, lineage, values_of

TABLES = {
    "events": {
        "amount": "decimal(18,4)",
        "name": "text",
        "day": "int",
        "score": "double",
        "via": "text",
        "happened_at": "timestamptz",
        "折扣": "int",
        "is_new": "boolean",
    }
}


def check(text: str, given: tuple[str, ...] = ("asof_day",)) -> str:
    tree = checked(text, tables=TABLES, what="tag spend", place="tags/spend.yaml", given=given)
    return tree.sql(dialect="duckdb")


@pytest.mark.parametrize(
    "text",
    [
        "sum(amount) filter (where name = 'Order Completed')",
        "count(distinct day) filter (where is_new)",
        "sum(amount) / nullif(count(*), 0)",
        "sum(折扣)",
        "count(*) filter (where events.\"via\" in ('web', 'app'))",
        "sum(amount) filter (where day >= :asof_day - 30)",
        "string_agg(via, ',' order by via)",
        "sum(case when score > 0.5 then amount end)",
        "sum(cast(amount * score as decimal(18,4)))",
        "max(day) - min(day)",
        "select via, sum(amount) as spend from events group by via order by spend",
    ],
)
def test_what_may_be_written(text: str) -> None:
    assert check(text)


@pytest.mark.parametrize(
    "text",
    [
        "sum(amount); drop table events",
        "sum(amount) -- and the rest",
        "sum(amount) /* hidden */",
        "/**/sum(amount)",
        "1 from other",
        "read_csv('/etc/passwd')",
        "\"read_csv\"('/etc/passwd')",
        "read_text('x')",
        "glob('*')",
        "getenv('HOME')",
        "main.sum(amount)",
        "amount.sum()",
        "system.main.read_csv('x')",
        "columns(*)",
        "*",
        "events.*",
        "[x for x in via]",
        "via[1]",
        "{'a': 1}",
        "$1",
        "?",
        "#1",
        ":other",
        "x -> x + 1",
        "lambda x: x",
        "list_transform([1], lambda x: x)",
        "(select 1)",
        "exists(select 1)",
        "amount in (select 1)",
        "amount = any(select 1)",
        "sum(amount) over ()",
        "current_date",
        "current_timestamp",
        "now()",
        "random()",
        "interval 1 day",
        "happened_at at time zone 'UTC'",
        "cast(amount as json)",
        "cast(amount as integer[])",
        "cast(via as timestamptz)",
        "e'\\x41'",
        "$$text$$",
        "via collate nocase",
        "select * from events",
        "select amount from events, secret",
        "select amount from events join secret on true",
        "select amount from 'x.parquet'",
        "select amount from main.events",
        "select amount from (select amount from events)",
        "select amount from events union select 1",
        "with z as (select 1) select 1 from z",
        "select amount into x from events",
        "select amount from events for update",
        "from events",
        "copy events to 'x'",
        "attach 'x'",
        "pragma table_info('events')",
        "insert into events values (1)",
        "first(amount)",
        "any_value(via)",
        "mode(via)",
        "approx_count_distinct(via)",
        "stddev(amount)",
        "",
        "   ",
        "(" * 4000 + "1" + ")" * 4000,
        "sum(amount" + "\x00" + ")",
        "1" * 20_000,
    ],
)
def test_what_may_not(text: str) -> None:
    with pytest.raises(BadDefinition):
        check(text)


@pytest.mark.parametrize("text", ["sum(score)", "avg(score)", "sum(amount * score)", "sum(amount / 2)", "sum(1e3)"])
def test_doubles_are_not_summed(text: str) -> None:
    with pytest.raises(BadDefinition, match="doubles"):
        check(text)


def test_a_misspelt_column_and_function_get_a_suggestion() -> None:
    with pytest.raises(BadDefinition, match=r"tags/spend\.yaml.*Did you mean 'amount'"):
        check("sum(amuont)")
    with pytest.raises(BadDefinition, match="Did you mean 'sum'"):
        check("sun(amount)")


def test_text_joined_without_order_is_refused() -> None:
    with pytest.raises(BadDefinition, match="order by"):
        check("string_agg(via, ',')")


def test_lineage_names_columns_and_events() -> None:
    tree = checked(
        "count(*) filter (where name in ('Order Completed', 'Order Refunded') and day > 3)",
        tables=TABLES,
        what="tag",
        place="here",
    )
    assert lineage(tree) == ("day", "name")
    assert values_of(tree, "name") == ("Order Completed", "Order Refunded")


def test_what_is_a_double() -> None:
    assert is_double(parse_one("case when a then 1 else b / 2 end", read="duckdb"))
    assert not is_double(parse_one("case when a / 2 > 1 then 1 else 2 end", read="duckdb"))
