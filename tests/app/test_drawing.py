"""Databases as sources: whole or by a cursor, types as they are, nothing lost or doubled when it is killed."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    create_engine,
    insert,
    text,
    update,
)  # fmt: skip

import limner
from limner.app.opening import make
from limner.app.watching import Watched, look
from limner.app.workspace import Workspace
from limner.core.errors import BadDefinition, BadInput, Broken, NotFound
from limner.flow import sources
from postgres import fresh, postgres

NAMES = itertools.count()
SALES = """
sql: {{url: "env:CRM_URL", {what}}}
zone: Asia/Shanghai
identifiers: {{member_no: member}}
events:
  - {{name: {{constant: Order Completed}}, happened_at: paid_at, order_id: id, amount: paid}}
"""
BY_CURSOR = "table: sales, cursor: changed_at, key: id"


@pytest.fixture(scope="module")
def cluster():
    with postgres() as url:
        yield url


class Crm:
    """A database with a table of sales."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(url)
        self.sales = Table(
            "sales", MetaData(),
            Column("id", Integer, primary_key=True), Column("member", String(20)), Column("paid", Numeric(18, 4)),
            Column("paid_at", DateTime), Column("changed_at", DateTime(timezone=True)), Column("is_web", Boolean),
            Column("born", Date),
        )  # fmt: skip
        self.sales.metadata.create_all(self.engine)

    def add(self, *ids: int, minute: int | None = None, paid: str = "10.10") -> None:
        with self.engine.begin() as connection:
            for n in ids:
                connection.execute(
                    insert(self.sales).values(
                        id=n, member=f"M{n % 3}", paid=Decimal(paid), paid_at=datetime(2026, 8, 1, 0, 30),
                        changed_at=datetime(2026, 8, 1, tzinfo=UTC) + timedelta(minutes=n if minute is None else minute),
                        is_web=True, born=date(1990, 1, 2),
                    )
                )  # fmt: skip

    def change(self, n: int, minute: int) -> None:
        with self.engine.begin() as connection:
            moment = datetime(2026, 8, 1, tzinfo=UTC) + timedelta(minutes=minute)
            connection.execute(update(self.sales).where(self.sales.c.id == n).values(changed_at=moment))


@pytest.fixture(params=["sqlite", "postgresql"])
def crm(request, tmp_path):
    """The same table in each of the databases."""
    if request.param == "sqlite":
        return Crm(f"sqlite:///{tmp_path / 'crm.db'}")
    return Crm(fresh(request.getfixturevalue("cluster"), f"crm{next(NAMES)}"))


@pytest.fixture
def lite(tmp_path):
    return Crm(f"sqlite:///{tmp_path / 'crm.db'}")


def shop_of(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, source: str) -> Workspace:
    monkeypatch.setenv("CRM_URL", url)
    home = tmp_path / "shop"
    if not home.exists():
        make(home)
        (home / "sources").mkdir()
    (home / "sources" / "sales.yaml").write_text(source, encoding="utf-8")
    shop = limner.open(home)
    shop.apply()
    return shop


def ask(shop: Workspace, sql: str) -> list[dict[str, object]]:
    return shop.stores.lake.table(sqlglot.parse_one(sql, dialect="duckdb")).to_pylist()


def orders(shop: Workspace) -> list[int]:
    return sorted(int(str(row["o"])) for row in ask(shop, "SELECT order_id AS o FROM events"))


def test_a_table_is_read_from_where_it_ended(tmp_path, crm, monkeypatch):
    with shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop:
        crm.add(1, 2, 3)
        assert shop.collect().used == 3
        assert shop.collect().files == ()
        crm.add(4, 5)
        crm.add(6, minute=5)  # as late as the last one: its key tells it apart
        taken = shop.collect()
        assert (taken.rows, taken.rejected) == (3, {})
        assert orders(shop) == [1, 2, 3, 4, 5, 6]
        (total,) = ask(shop, "SELECT sum(amount) AS s, min(happened_at) AS t FROM events")
        assert total["s"] == Decimal("60.6000")
        assert total["t"] == datetime(2026, 7, 31, 16, 30, tzinfo=UTC)  # a wall time of the source's zone
        assert list((shop.folder / "state" / "incoming").rglob("*.parquet")) == []


def test_late_rows_within_the_overlap_are_found_and_none_is_taken_twice(tmp_path, crm, monkeypatch):
    source = SALES.format(what=BY_CURSOR + ", overlap: 10m")
    with shop_of(tmp_path, crm.url, monkeypatch, source) as shop:
        crm.add(20, 25, 30)
        shop.collect()
        crm.add(7, minute=22)  # was under way when minute 30 was read
        crm.add(8, minute=19)  # too late for the overlap
        assert shop.collect().rows == 1
        assert shop.collect().files == ()
        crm.change(25, 40)
        assert shop.collect().rejected == {"duplicate order": 1}  # the row comes again, the order is known
        assert orders(shop) == [7, 20, 25, 30]


def test_a_withdrawn_last_load_is_read_again(tmp_path, crm, monkeypatch):
    with shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop:
        crm.add(1, 2)
        shop.collect()
        crm.add(3)
        last = shop.collect().loads[0]
        shop.withdraw(last)
        assert orders(shop) == [1, 2]
        shop.collect()
        assert orders(shop) == [1, 2, 3]


def test_without_a_cursor_the_whole_takes_the_place_of_the_last(tmp_path, crm, monkeypatch):
    source = SALES.format(what='query: "SELECT id, member, paid, paid_at FROM sales WHERE id < 100", key: id')
    with shop_of(tmp_path, crm.url, monkeypatch, source) as shop:
        crm.add(1, 2, 100)
        assert shop.collect().used == 2
        assert shop.collect().unchanged == 1
        crm.add(3)
        taken = shop.collect()
        assert (taken.used, taken.rejected) == (3, {})
        assert orders(shop) == [1, 2, 3]
        assert [load.state for load in shop.loads()] == ["withdrawn", "done"]


def test_a_query_with_a_cursor(tmp_path, crm, monkeypatch):
    query = "SELECT s.id, s.member, s.paid, s.paid_at, s.id AS n FROM sales AS s WHERE s.member <> ':x'"
    with shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what=f'query: "{query}", cursor: n')) as shop:
        crm.add(1, 2)
        shop.collect()
        crm.add(3)
        assert shop.collect().rows == 1
        assert orders(shop) == [1, 2, 3]


def test_types_are_as_they_are(tmp_path, cluster, monkeypatch):
    url = fresh(cluster, f"crm{next(NAMES)}")
    with create_engine(url).begin() as connection:
        connection.execute(
            text("CREATE TABLE t (m text, a numeric, b timestamptz, c timestamp, d jsonb, e bool, f date)")
        )
        connection.execute(
            text(
                "INSERT INTO t VALUES ('M1', 0.1, '2026-08-01T00:00Z', '2026-08-01', '{\"a\": \"是\"}', true, '1990-01-02')"
            )
        )
        connection.execute(text("INSERT INTO t (m, a) VALUES ('M2', 12345678901234.56789)"))
    source = (
        "sql: {url: 'env:CRM_URL', table: public.t, key: m}\nzone: Asia/Shanghai\nidentifiers: {member_no: m}\n"
        "traits: {b: {column: b, type: instant}, c: {column: c, type: instant}, d: d, e: {column: e, type: bool}, f: f,\n"
        "  a: {column: a, type: text}}\n"
    )
    with shop_of(tmp_path, url, monkeypatch, source) as shop:
        assert shop.collect().used == 2
        rows = ask(shop, "SELECT name, text, number, instant FROM traits ORDER BY name, text")
    found = {(row["name"], row["text"] or row["instant"] or row["number"]) for row in rows}
    midnight = datetime(2026, 8, 1, tzinfo=UTC)
    assert ("b", midnight) in found
    assert ("c", midnight - timedelta(hours=8)) in found
    assert {("d", '{"a": "是"}'), ("f", "1990-01-02")} <= found
    assert {Decimal(str(v)) for name, v in found if name == "a"} == {Decimal("0.1"), Decimal("12345678901234.56789")}


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("table: sales, query: SELECT 1", "not both"),
        ("cursor: id", "not neither"),
        ("query: DELETE FROM sales", "it has DELETE"),
        ("query: SELECT 1; SELECT 2", "it has 2 statements"),
        ('query: "WITH x AS (DELETE FROM sales RETURNING *) SELECT * FROM x"', "it has DELETE"),
        ("query: SELECT * INTO other FROM sales", "it has INTO"),
        ("query: SELECT * FROM sales FOR UPDATE", "it has LOCK"),
        ("query: SELECT pg_sleep(9)", "the function pg_sleep"),
        ("query: VACUUM", "it has"),
    ],
)
def test_what_does_more_than_read_is_refused(tmp_path, lite, monkeypatch, what, told):
    with pytest.raises(BadDefinition, match=told):
        shop_of(tmp_path, lite.url, monkeypatch, SALES.format(what=what))


def test_a_database_is_only_read(tmp_path, crm, monkeypatch):
    from limner.flow.sources.definition import Source
    from limner.flow.sources.sql_place import reading

    crm.add(1)
    with shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what="table: sales")) as shop:
        source = shop.definitions.find(Source, "sales")
        with pytest.raises(Broken, match="read.?only"), reading(source, crm.url, tmp_path) as connection:
            connection.execute(insert(crm.sales).values(id=9))


def test_a_password_is_not_stored(tmp_path, lite, monkeypatch):
    written = SALES.format(what=BY_CURSOR).replace("env:CRM_URL", "postgresql+psycopg://reader:geheim@host/crm")
    with pytest.raises(BadDefinition, match="password in it") as told:
        shop_of(tmp_path, lite.url, monkeypatch, written)
    assert "geheim" not in str(told.value)


def test_what_is_missing_is_named(tmp_path, crm, monkeypatch):
    crm.add(1)
    with (
        shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what="table: sale")) as shop,
        pytest.raises(NotFound, match="no table 'sale'"),
    ):
        shop.collect()
    with (
        shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what="table: sales, cursor: change_at")) as shop,
        pytest.raises(BadDefinition, match="Did you mean 'changed_at'"),
    ):
        shop.collect()
    gone = SALES.format(what=BY_CURSOR).replace("happened_at: paid_at", "happened_at: payed_at")
    with (
        shop_of(tmp_path, crm.url, monkeypatch, gone) as shop,
        pytest.raises(BadDefinition, match="Did you mean 'paid_at'"),
    ):
        shop.collect()
    with shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop:
        assert shop.collect().used == 1  # nothing of the failures is in the way


def test_rows_without_a_cursor_value_are_not_lost_in_silence(tmp_path, crm, monkeypatch):
    crm.add(1)
    with crm.engine.begin() as connection:
        connection.execute(insert(crm.sales).values(id=2, member="M2"))
    with (
        shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop,
        pytest.raises(BadInput, match="without a value"),
    ):
        shop.collect()


def test_another_cursor_is_refused_until_the_loads_are_withdrawn(tmp_path, crm, monkeypatch):
    crm.add(1)
    with shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop:
        shop.collect()
    with shop_of(tmp_path, crm.url, monkeypatch, SALES.format(what="table: sales, cursor: id")) as shop:
        with pytest.raises(BadDefinition, match="was read by the cursor 'changed_at'"):
            shop.collect()
        shop.withdraw(shop.loads()[0].load)
        assert shop.collect().used == 1


def test_a_database_that_does_not_answer_is_said(tmp_path, lite, monkeypatch):
    url = "postgresql+psycopg://reader@127.0.0.1:1/crm"
    with (
        shop_of(tmp_path, url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop,
        pytest.raises(Broken, match="does not answer"),
    ):
        shop.collect()
    with (
        shop_of(tmp_path, "sqlite:///none.db", monkeypatch, SALES.format(what=BY_CURSOR)) as shop,
        pytest.raises(NotFound, match="none.db"),
    ):
        shop.collect()


def test_a_column_that_changes_its_type_midway_is_read_as_text(tmp_path, monkeypatch):
    path = tmp_path / "odd.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (m, v)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(f"M{n:06d}", n) for n in range(60_000)])
        connection.execute("INSERT INTO t VALUES ('Z', 'viel')")
    source = (
        "sql: {url: 'env:CRM_URL', query: 'SELECT m, v FROM t', key: m}\nidentifiers: {member_no: m}\n"
        "traits: {v: {column: v, type: text}}\n"
    )
    with shop_of(tmp_path, f"sqlite:///{path}", monkeypatch, source) as shop:
        assert shop.collect().used == 60_001
        (row,) = ask(shop, "SELECT count(DISTINCT text) AS n, max(text) AS m FROM traits")
        assert row == {"n": 60_001, "m": "viel"}


RUN = """
import sys
from pathlib import Path
from limner.flow.sources import base, sql_draw
base.CHUNK_ROWS = 1500
sql_draw._ROWS = 1000
import limner
print("ready", flush=True)
with limner.open(Path({home!r}), tell=lambda done, total, words: print(done, flush=True)) as shop:
    shop.collect()
"""


@pytest.mark.slow
def test_a_collect_killed_at_any_moment_loses_and_doubles_nothing(tmp_path, monkeypatch):
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (id INTEGER, m TEXT, at TEXT)")

    def grow(first: int, count: int) -> None:
        with sqlite3.connect(path) as connection:
            rows = [(n, f"M{n % 70}", f"2026-08-{n % 27 + 1:02d}") for n in range(first, first + count)]
            connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)

    source = (
        "sql: {url: 'env:CRM_URL', table: t, cursor: id, overlap: '500'}\nidentifiers: {member_no: m}\n"
        "events: [{name: {constant: Page Viewed}, happened_at: at, order_id: id}]\n"
    )
    shop_of(tmp_path, f"sqlite:///{path}", monkeypatch, source).close()
    home = tmp_path / "shop"
    total = 0
    for turn in range(8):
        grow(total, 3000)
        total += 3000
        command = [sys.executable, "-c", RUN.format(home=str(home))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(turn):
                process.stdout.readline()
            time.sleep(0.02 * turn)
            process.send_signal(signal.SIGKILL)
    with limner.open(home) as shop:
        shop.collect()
        assert orders(shop) == list(range(total))
        assert shop.collect().files == ()


def test_zones_of_a_database_are_kept():
    from limner.flow.sources.cursors import High

    moment = datetime(2026, 8, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert High.unpacked(High(moment).packed()).value == moment
    for value in (datetime(2026, 8, 1), date(2026, 8, 1), 7, Decimal("1.50"), "是"):
        assert High.unpacked(High(value).packed()).value == value


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(-8, 5), max_size=5), min_size=1, max_size=5))
def test_rows_that_come_no_later_than_the_overlap_are_each_taken_once(tmp_path_factory, steps):
    """At each step rows are committed whose moment is up to ten minutes before now; then they are collected."""
    folder = tmp_path_factory.mktemp("late")
    crm = Crm(f"sqlite:///{folder / 'crm.db'}")
    with pytest.MonkeyPatch.context() as patch:
        source = SALES.format(what=BY_CURSOR + ", overlap: 30m")
        with shop_of(folder, crm.url, patch, source) as shop:
            number, now = 0, 100
            for lags in steps:
                now += 6
                for lag in lags:
                    number += 1
                    crm.add(number, minute=now + lag)
                shop.collect()
            assert orders(shop) == list(range(1, number + 1))
            assert all(load.counts.rejected == {} for load in shop.loads())


CHECKED = SALES + "checks:\n  - {{check: range, column: paid, at_most: 100, level: hard}}\n"


def test_a_held_reading_is_not_read_again_and_a_dropped_one_is(tmp_path, lite, monkeypatch):
    with shop_of(tmp_path, lite.url, monkeypatch, CHECKED.format(what=BY_CURSOR)) as shop:
        lite.add(1, 2)
        assert shop.collect().used == 2
        lite.add(3, paid="900")
        (held,) = shop.collect().held
        assert orders(shop) == [1, 2]
        assert shop.collect().files == ()
        shop.drop(held, why="wrong amount")
        with lite.engine.begin() as connection:
            connection.execute(update(lite.sales).where(lite.sales.c.id == 3).values(paid=Decimal(9)))
        shop.collect()
        assert orders(shop) == [1, 2, 3]


def test_what_enriches_is_read_too(tmp_path, lite, monkeypatch):
    lite.add(1)
    with lite.engine.begin() as connection:
        connection.execute(update(lite.sales).values(member="11010519491231002X"))
    source = (
        "sql: {url: 'env:CRM_URL', table: sales, key: id}\nidentifiers: {member_no: id}\n"
        "enrich: [{kind: id_card, column: member, traits: [born]}]\n"
    )
    with shop_of(tmp_path, lite.url, monkeypatch, source) as shop:
        assert shop.collect().used == 1
        assert ask(shop, "SELECT name FROM traits WHERE name = 'born'") == [{"name": "born"}]


FILES = (
    "files: [in]\nidentifiers: {member_no: m}\nevents: [{name: {constant: Page Viewed}, happened_at: t, order_id: m}]\n"
)


def test_a_database_that_is_down_keeps_no_file_waiting(tmp_path, lite, monkeypatch):
    url = "postgresql+psycopg://reader@127.0.0.1:1/crm"
    with shop_of(tmp_path, url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop:
        (shop.folder / "in").mkdir()
        (shop.folder / "in" / "a.csv").write_text("m,t\n7,2026-08-01\n")
        (shop.folder / "sources" / "till.yaml").write_text(FILES)
        shop.apply()
        with pytest.raises(Broken, match="does not answer"):
            shop.collect()
        assert orders(shop) == [7]
        monkeypatch.setenv("CRM_URL", lite.url)
        lite.add(1)
        assert shop.collect().used == 1
        assert orders(shop) == [1, 7]


def test_a_watched_database_is_read_when_it_is_due(tmp_path, lite, monkeypatch):
    source = SALES.format(what=BY_CURSOR) + "watch: true\nevery: 60s\n"
    with shop_of(tmp_path, lite.url, monkeypatch, source) as shop:
        heard: list[object] = []
        state = Watched()
        lite.add(1)
        for at in range(200):
            state = look(shop, state, heard.append, float(at))
            if at == 70:
                lite.add(2, 3)
        assert [getattr(one, "rows", one) for one in heard] == [1, 2]


def test_what_waits_is_for_its_owner_alone_and_goes_once_it_is_in_or_refused(tmp_path, lite, monkeypatch):
    folder = tmp_path / "shop" / "state" / "incoming"
    seen = []
    with shop_of(tmp_path, lite.url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop:
        take_in = sources.collect

        def looking(*given, **more):
            seen.extend(folder.rglob("*.parquet"))
            return take_in(*given, **more)

        monkeypatch.setattr(sources, "collect", looking)
        lite.add(1)
        shop.collect()
        assert [path.parent for path in seen] == [folder / "sales"]
        assert {path.stat().st_mode & 0o777 for path in (folder, folder / "sales")} == {0o700}
        assert list(folder.rglob("*.parquet")) == []


def test_an_erasure_clears_what_a_killed_run_left_waiting(tmp_path, lite, monkeypatch):
    with shop_of(tmp_path, lite.url, monkeypatch, SALES.format(what=BY_CURSOR)) as shop:
        lite.add(1, 2)
        shop.collect()
        shop.run()
        left = tmp_path / "shop/state/incoming/sales/sales-9.parquet"
        left.write_bytes(b"rows of somebody")
        shop.privacy.erase("member_no:M1", yes=True)
        assert not left.exists()
