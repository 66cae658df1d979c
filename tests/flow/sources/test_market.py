"""The simulated shop's own files, loaded with the example's mappings: counts and money equal to what was written."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from intake import NOW, Intake
from limner_market.market import Market

SOURCES = Path(__file__).parents[3] / "examples" / "nanzhi" / "sources"
MONEY = {"tmall-orders": "tmall", "tmall-refunds": "tmall", "pos": "pos"}


@pytest.fixture(scope="module", params=["shop", "plain"])
def played(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"nanzhi-{request.param}")
    manifest = Market(customers=2_000, seed=3).write(folder / "data", formats=request.param)
    intake = Intake(folder, *[_with_id(path) for path in sorted(SOURCES.glob("*.yaml"))])
    found = {}
    for source in sorted(path.stem for path in SOURCES.glob("*.yaml")):
        if source != "receipts":
            found[source] = intake.load(source=source, now=NOW)
    yield intake, manifest, found
    intake.stores.close()


def _with_id(path):
    text = path.read_text("utf-8")
    return text if "\nid:" in text or text.startswith("id:") else f"id: {path.stem}\n{text}"


def test_counts_agree_with_what_was_written(played):
    intake, manifest, found = played
    assert intake.one("SELECT count(*) FROM events WHERE name = 'Order Completed'") == manifest.counts["orders"]
    assert intake.one("SELECT count(*) FROM lines WHERE name = 'Order Completed'") == manifest.counts["lines"]
    assert intake.one("SELECT count(*) FROM events WHERE name = 'Order Refunded'") == manifest.counts["refunds"]
    assert found["clicks"].rows == manifest.counts["clicks"] == found["clicks"].used
    assert found["members"].used == manifest.counts["members"]
    assert found["consents"].used == manifest.counts["consents"]


def test_planted_defects_are_found_and_nothing_else(played):
    _, manifest, found = played
    if not manifest.defects.get("bad date"):
        pytest.skip("plain files hold no broken tickets")
    rejected = found["pos"].rejected
    defects = manifest.defects
    assert rejected["negative price"] == defects["negative price"]
    assert rejected["no item"] == defects["missing item"]
    dates = sum(count for reason, count in rejected.items() if "date" in reason)
    assert dates == defects["bad date"]
    assert sum(rejected.values()) == dates + defects["negative price"] + defects["missing item"]
    values = found["members"].counts.values
    assert values["phone destroyed by a spreadsheet"] == defects["phone excel"]
    assert values["placeholder phone"] == defects["phone placeholder"]


def test_the_ticket_file_sent_twice_is_unchanged(played):
    _intake, manifest, found = played
    twice = sum(written.kind == "pos again" for written in manifest.files)
    assert found["pos"].unchanged == twice


def test_money_reconciles_by_source_and_month(played):
    intake, manifest, _ = played
    want = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for total in manifest.totals:
        want[total.source, total.period][0] += total.paid
        want[total.source, total.period][1] += total.refunded
    rows = intake.ask(
        "SELECT source, strftime(happened_at + INTERVAL 8 HOUR, '%Y-%m') AS month, name, sum(amount) AS m "
        "FROM events WHERE amount IS NOT NULL GROUP BY ALL"
    )
    got = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in rows:
        got[MONEY[row["source"]], row["month"]][row["name"] == "Order Refunded"] += row["m"]
    refunded = {source: sum(v[1] for (s, _), v in want.items() if s == source) for source in ("tmall", "pos")}
    for source, sum_of in refunded.items():
        assert sum(v[1] for (s, _), v in got.items() if s == source) == sum_of
    for source in ("tmall", "pos"):
        assert sum(v[0] for (s, _), v in got.items() if s == source) == sum(
            v[0] for (s, _), v in want.items() if s == source
        )


def test_a_masked_phone_is_nobody(played):
    intake, _, _ = played
    masked = "SELECT trace FROM identifiers WHERE kind = 'masked_phone'"
    assert intake.one(f"SELECT count(*) FROM events WHERE trace IN ({masked})") == 0
