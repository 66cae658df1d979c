"""Statements: `.sql` files with typed placeholders."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from sqlglot import exp

from limner.core.errors import BadDefinition, BadInput
from limner.store.lake import sql
from limner.store.lake.sql import literal, load, statement

PACKAGE = "store.lake.statements"

GIVEN = {
    "asof": datetime(2026, 9, 1, 8, tzinfo=UTC),
    "today": date(2026, 9, 1),
    "days": -3,
    "least": Decimal("1.5"),
    "event": "Order'); drop table events; --",
    "vias": ["web", "小程序"],
    "numbers": [],
    "is_all": False,
    "source": exp.to_table("events"),
}


def test_values_become_typed_literals() -> None:
    text = statement(PACKAGE, "spend.sql", **GIVEN).sql(dialect="duckdb")
    assert "CAST('2026-09-01 08:00:00.000000+00:00' AS TIMESTAMPTZ)" in text
    assert "'Order''); drop table events; --'" in text
    assert "via IN ('web', '小程序')" in text
    assert "FROM events AS s" in text
    assert "OR FALSE" in text
    assert ":" not in text.replace("::", "").replace("08:00:00.000000+00:00", "")


def test_a_statement_runs() -> None:
    query = statement(PACKAGE, "spend.sql", **GIVEN | {"event": "it's", "vias": ["web"]})
    with duckdb.connect() as connection:
        connection.execute(
            "create table events as select 1 as number, 2::decimal(18,4) as amount, timestamptz '2026-08-01' as "
            "happened_at, 1 as day, 'it''s' as name, 'web' as via, date '2000-01-01' as born"
        )
        assert connection.execute(query.sql(dialect="duckdb")).fetchall() == [(1, Decimal("2.0000"))]


def test_a_query_takes_the_place_of_a_table() -> None:
    inner = exp.select("*").from_("events").where("number > 3")
    text = statement(PACKAGE, "spend.sql", **GIVEN | {"source": inner}).sql(dialect="duckdb")
    assert "FROM (SELECT * FROM events WHERE number > 3) AS s" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("asof", datetime(2026, 9, 1)),
        ("asof", "2026-09-01"),
        ("today", datetime(2026, 9, 1, tzinfo=UTC)),
        ("days", True),
        ("days", "3"),
        ("days", 1.5),
        ("least", 1.5),
        ("least", Decimal("NaN")),
        ("event", 3),
        ("event", "a\0b"),
        ("vias", "web"),
        ("vias", [1]),
        ("numbers", ["1 or 1=1"]),
        ("is_all", 1),
        ("source", "events"),
    ],
)
def test_values_of_another_type_are_refused(name: str, value: object) -> None:
    with pytest.raises(BadInput, match=name):
        statement(PACKAGE, "spend.sql", **GIVEN | {name: value})


def test_values_missing_or_not_asked_for() -> None:
    with pytest.raises(BadInput, match="missing"):
        statement(PACKAGE, "spend.sql", **{k: v for k, v in GIVEN.items() if k != "days"})
    with pytest.raises(BadInput, match="Did you mean 'asof'"):
        statement(PACKAGE, "spend.sql", **GIVEN | {"asfo": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("select read_csv('x')", "read_csv"),
        ("select current_date", "current_date"),
        ("select now()", "now"),
        ("drop table events", "must be one SELECT"),
        ("select 1; select 2", "must be one SELECT"),
        ("select a from t where b = :day", "not declared"),
        ("-- day: moment\nselect a from t where b = :day", "Known types"),
        ("select (((", "cannot be read"),
    ],
)
def test_files_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    (tmp_path / "bad.sql").write_text(text, encoding="utf-8")
    monkeypatch.setattr(sql, "files", lambda _package: tmp_path)
    with pytest.raises(BadDefinition, match=message):
        load.__wrapped__("nowhere", "bad.sql")


def test_literals_survive_every_dialect() -> None:
    ugly = "a\\' or 1=1 -- \n\"'x"
    node = exp.select(literal(ugly, "text").as_("v"))
    with duckdb.connect() as connection:
        assert connection.execute(node.sql(dialect="duckdb")).fetchall() == [(ugly,)]
