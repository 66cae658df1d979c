"""A shop whose orders lie in the operator's own table: the same portrait as of orders taken in, and an erasure."""

import csv
import shutil
from collections import defaultdict
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from limner.app.opening import make_keys
from limner.app.workspace import Workspace
from limner.store.lake.in_place import known
from small_shop import write_shop

ORDERS = """
name: 订单
files: [table]
in_place: {in_place}
identifiers: {{member_no: 会员号}}
events:
  - {{name: {{constant: Order Completed}}, happened_at: 时间, order_id: 订单号, amount: 实付}}
"""


def shop_of(folder, *, in_place, keys=None):
    home = write_shop(folder / "shop", sources__orders=ORDERS.format(in_place=str(in_place).lower()))
    with (home / "data/orders.csv").open(encoding="utf-8-sig", newline="") as stream:
        by_month = defaultdict(list)
        for row in csv.DictReader(stream):
            by_month[row["时间"][:7]].append(row)
    (home / "data/orders.csv").unlink()
    for month, rows in by_month.items():
        path = home / f"table/month={month}/part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
    make_keys(home)
    if keys is not None:
        shutil.copytree(keys, home / "state/keys", dirs_exist_ok=True)
    shop = Workspace(home, clock=lambda: datetime(2026, 9, 1, 2, tzinfo=UTC))
    shop.apply()
    shop.collect()
    return shop


def ask(shop, sql):
    return shop.stores.lake.table(sqlglot.parse_one(sql, dialect="duckdb")).to_pylist()


@pytest.fixture
def here(tmp_path):
    with shop_of(tmp_path / "here", in_place=True) as shop:
        yield shop


def portrait(shop):
    """Every column of the newest version, customer by customer, and who is in the audiences."""
    version = shop.stores.gallery.version(shop.run("2026-09-01").version)
    columns = {
        name: [version.column(name).value(number) for number in sorted(version.living)] for name in version.headers
    }
    return columns, {name: list(version.members(name)) for name in version.audiences()}


def test_the_portrait_is_that_of_orders_taken_in(here, tmp_path):
    with shop_of(tmp_path / "taken", in_place=False, keys=here.folder / "state/keys") as taken:
        assert portrait(here) == portrait(taken)
        assert not list(here.stores.lake.folder.glob("events/*.parquet"))
        assert list(taken.stores.lake.folder.glob("events/*.parquet"))


def test_an_erasure_masks_the_rows_and_names_those_the_operator_keeps(here):
    here.run("2026-09-01")
    total = ask(here, "SELECT sum(amount) AS paid, count(*) AS n FROM events")
    foreseen = here.privacy.erase("member_no:M25")
    done = here.privacy.erase("member_no:M25", yes=True, why="asked for")
    assert done.proof.is_clean
    assert done.lying == foreseen.lying
    files = {path: rows for path, rows in done.lying.items() if "month=2026-02" in path}
    ((path, rows),) = files.items()
    table = pq.read_table(path, partitioning=None)
    assert [table["会员号"][row - 1].as_py() for row in rows] == ["M25"]
    assert len(done.lying) == 3
    assert ask(here, "SELECT sum(amount) AS paid, count(*) AS n FROM events") == total
    nobody = ask(here, "SELECT order_id, session, trace, amount FROM events WHERE order_id IS NULL ORDER BY amount")
    assert [(row["trace"], str(row["amount"])) for row in nobody] == [(None, "125.5000")] * 3
    assert not ask(here, "SELECT 1 FROM events WHERE order_id LIKE 'O25-%'")
    for path in here.stores.lake.folder.rglob("*.parquet"):
        assert b"O25-" not in path.read_bytes()


def test_an_erased_person_stays_away_when_the_partition_is_run_again(here):
    here.privacy.erase("member_no:M25", yes=True)
    path = here.folder / "table/month=2026-02/part-0.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(0, table.num_rows - 1), path)
    assert here.collect(source="orders").rejected == {"erased on request": 1}
    assert not ask(here, "SELECT 1 FROM events WHERE order_id LIKE 'O25-%'")


def test_an_erasure_goes_through_when_the_file_has_gone(here):
    path = here.folder / "table/month=2026-02/part-0.parquet"
    kept = path.read_bytes()
    path.unlink()
    done = here.privacy.erase("member_no:M25", yes=True)
    assert done.proof.is_clean
    assert len(done.lying) == 3
    path.write_bytes(kept)
    here.collect(source="orders")
    assert not ask(here, "SELECT 1 FROM events WHERE order_id LIKE 'O25-%'")


def test_a_workspace_that_has_moved_finds_its_table(here, tmp_path):
    here.close()
    assert all(not one.path.startswith("/") for one in known(here.stores.ledger).values())
    home = here.folder.rename(tmp_path / "elsewhere")
    with Workspace(home) as moved:
        assert ask(moved, "SELECT count(*) AS n FROM events") == [{"n": 100}]


def test_rows_too_old_by_a_rule_are_used_no_more_and_the_file_stays(here):
    path = here.folder / "retention/old.yaml"
    path.parent.mkdir()
    path.write_text("over: events\nmonths: 6\n", encoding="utf-8")
    here.apply()
    old = "happened_at < TIMESTAMPTZ '2026-02-28 16:00:00+00'"
    before = ask(here, f"SELECT count(*) FILTER (WHERE {old}) AS old, count(*) AS n FROM events")[0]
    foreseen = here.privacy.retain()
    assert 0 < foreseen.rows == before["old"] < before["n"]
    assert here.privacy.retain(yes=True).rows == before["old"]
    left = ask(here, f"SELECT count(*) FILTER (WHERE {old}) AS old, count(*) AS n FROM events")[0]
    assert left == {"old": 0, "n": before["n"] - before["old"]}
    assert here.privacy.retain().rows == 0
    assert (here.folder / "table/month=2026-02/part-0.parquet").exists()


def test_a_check_names_the_files_that_have_changed_or_gone(here):
    here.run("2026-09-01")
    assert here.check().exit_code == 0
    gone, *changed = sorted((here.folder / "table").rglob("*.parquet"))[:3]
    gone.unlink()
    for path in changed:
        table = pq.read_table(path, partitioning=None)
        pq.write_table(table.slice(0, table.num_rows - 1), path)
    found = here.check()
    (finding,) = [one for one in found.findings if one.check == "in_place"]
    of = len(known(here.stores.ledger))
    assert (finding.level, finding.subject, finding.count, finding.of) == ("wrong", "orders", 3, of)
    assert str(gone) in finding.words
    assert (found.exit_code, found.reconciled.months, found.intake.until_at) == (1, (), None)
    here.withdraw(finding.values["load"])
    here.collect(source="orders")
    assert here.check().exit_code == 0
