"""The UCI Online Retail file: every row accounted for, counts and sums equal to the file's known facts."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from intake import Intake

DATA = Path(os.environ.get("LIMNER_TEST_DATA", "../shared/data")) / "online_retail" / "online_retail.parquet"
MAPPING = Path(__file__).parents[3] / "examples" / "online_retail" / "sources" / "invoices.yaml"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="LIMNER_TEST_DATA names no folder with online_retail/")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("online_retail")
    os.environ["LIMNER_WORKSPACE_CURRENCY"] = "GBP"
    text = MAPPING.read_text("utf-8")
    intake = Intake(folder, text if "id: invoices" in text else f"id: invoices\n{text}")
    yield intake, intake.load(DATA.resolve(), source="invoices")
    intake.stores.close()
    del os.environ["LIMNER_WORKSPACE_CURRENCY"]


def known(sql):
    return duckdb.sql(sql.replace("FILE", f"'{DATA}'")).fetchone()[0]


def test_all_rows_have_one_fate(shop):
    _, found = shop
    assert found.rows == 541_909
    assert found.rows == found.used + found.counts.anonymous + found.counts.cancelled + sum(found.rejected.values())
    assert found.to_dict()["rejected"] == {
        "stock written off, nothing sold": 1_336,
        "no price": 1_179,
        "bad debt adjusted, nothing sold": 3,
    }
    assert (found.used, found.counts.anonymous, found.counts.cancelled) == (397_884, 132_219, 9_288)
    assert found.to_dict()["values"] == {}


def test_the_known_facts_of_the_file(shop):
    intake, _ = shop
    assert known("SELECT count(*) FROM FILE WHERE CustomerID IS NULL") == 135_080
    assert known("SELECT count(*) FROM FILE WHERE InvoiceNo LIKE 'C%'") == 9_288
    everybody = "SELECT count(DISTINCT trace) FROM identifiers"
    assert known("SELECT count(DISTINCT CustomerID) FROM FILE") == 4_372
    left_out = known(
        "SELECT count(*) FROM (SELECT CustomerID FROM FILE WHERE CustomerID IS NOT NULL GROUP BY 1 "
        "HAVING bool_and(UnitPrice <= 0 OR (Quantity <= 0 AND InvoiceNo NOT LIKE 'C%')))"
    )
    assert intake.one(everybody) == 4_372 - left_out
    assert intake.one("SELECT count(*) FROM lines WHERE name = 'Order Refunded'") == 9_288
    assert intake.one("SELECT count(*) FROM events WHERE name = 'Order Refunded'") == 3_836


def test_money_is_exact(shop):
    intake, _ = shop
    money = {r["name"]: r["m"] for r in intake.ask("SELECT name, sum(amount) AS m FROM events GROUP BY name")}
    assert money == {"Order Completed": Decimal("10655622.4840"), "Order Refunded": Decimal("896812.4900")}
    lines = {r["name"]: r["m"] for r in intake.ask("SELECT name, sum(amount) AS m FROM lines GROUP BY name")}
    assert lines == money


def test_identical_lines_of_one_invoice_are_kept(shop):
    intake, _ = shop
    kept = known(
        "SELECT count(*) FROM FILE WHERE InvoiceNo NOT LIKE 'A%' AND UnitPrice > 0 AND (Quantity > 0 OR InvoiceNo LIKE 'C%')"
    )
    assert intake.one("SELECT count(*) FROM lines") == kept


def test_times_are_london_times(shop):
    intake, _ = shop
    (row,) = intake.ask('SELECT happened_at, "day", "hour" FROM events WHERE order_id = \'536365\'')
    assert row["happened_at"].isoformat() == "2010-12-01T08:26:00+00:00"
    july = "Quantity > 0 AND UnitPrice > 0 AND InvoiceDate BETWEEN '2011-07-01' AND '2011-08-01'"
    order = known(f"SELECT min(InvoiceNo) FROM FILE WHERE {july}")
    summer = intake.one(f"SELECT min(happened_at) FROM events WHERE order_id = '{order}'")
    wall = known(f"SELECT min(InvoiceDate) FROM FILE WHERE InvoiceNo = '{order}'")
    assert (wall - summer.replace(tzinfo=None)).total_seconds() == 3_600


def test_the_same_file_again_changes_nothing(shop):
    intake, _ = shop
    assert intake.load(DATA.resolve(), source="invoices").unchanged == 1
