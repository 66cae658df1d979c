"""The files: the same bytes for the same seed, the planted defects in the counts the manifest says, money that adds
up."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from limner_market import Manifest, Market

SMALL = 2_000


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _live(folder: Path, seed: int, formats: str = "shop") -> Manifest:
    market = Market(SMALL, seed=seed)
    manifest = market.write(folder, formats=formats)  # type: ignore[arg-type]
    market.play(None, market.clock + timedelta(days=3), folder, formats=formats)  # type: ignore[arg-type]
    return manifest


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("shop")
    return folder, _live(folder, 1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("plain")
    return folder, _live(folder, 1, "plain")


@pytest.mark.parametrize("formats", ["shop", "plain"])
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, formats: str, request: pytest.FixtureRequest) -> None:
    first, _ = request.getfixturevalue(formats)
    _live(tmp_path / "again", 1, formats)
    _live(tmp_path / "other", 2, formats)
    assert _hashes(first) == _hashes(tmp_path / "again")
    other = _hashes(tmp_path / "other")
    same = [name for name, digest in _hashes(first).items() if other.get(name) == digest]
    assert set(same) <= {"sites.csv", "sites.parquet", "truth/channels.parquet"} | {
        name for name in other if name.startswith("receipts")
    }


def test_both_formats_hold_the_same_facts(shop: tuple[Path, Manifest], plain: tuple[Path, Manifest]) -> None:
    assert shop[1].counts == plain[1].counts
    assert shop[1].totals == plain[1].totals
    assert shop[1].defects == plain[1].defects


def test_spoilt_phones_are_as_declared(shop: tuple[Path, Manifest]) -> None:
    folder, manifest = shop
    rows = [line.split(",") for line in (folder / "members.csv").read_text("gb18030").splitlines()]
    place = rows[0].index("手机号")
    phones = [row[place] for row in rows[1:]]
    found = {
        "phone excel": sum("E+10" in phone for phone in phones),
        "phone placeholder": phones.count("13800138000"),
        "phone empty": phones.count(""),
        "phone prefixed": sum(phone.startswith("+86") for phone in phones),
        "phone dashed": sum("-" in phone for phone in phones),
        "phone full width": sum(phone[:1] == "\uff11" for phone in phones),
        "phone shop phone": sum(phone.startswith("13900008") for phone in phones),
    }
    assert found == {name: manifest.defects[name] for name in found}
    assert len(phones) == manifest.counts["members"] == SMALL


def test_broken_tickets_are_as_declared(plain: tuple[Path, Manifest]) -> None:
    folder, manifest = plain
    tickets = pq.read_table(folder / "pos.parquet").to_pylist()
    assert sum(row["销售时间"] is None for row in tickets) == manifest.defects["bad date"]
    assert sum(row["货号"] == "" for row in tickets) == manifest.defects["missing item"]
    assert sum(row["数量"] > 0 and row["实收"] < 0 for row in tickets) == manifest.defects["negative price"]


def test_one_month_of_tickets_was_sent_twice(shop: tuple[Path, Manifest]) -> None:
    folder, manifest = shop
    assert (folder / "pos-2026-03.xlsx").read_bytes() == (folder / "pos-2026-03 (1).xlsx").read_bytes()
    assert Counter(written.kind for written in manifest.files)["pos again"] == 1


def test_tickets_open_as_excel(shop: tuple[Path, Manifest]) -> None:
    calamine = pytest.importorskip("python_calamine")
    folder, manifest = shop
    book = calamine.CalamineWorkbook.from_path(str(folder / "pos-2026-03.xlsx"))
    rows = book.get_sheet_by_index(0).to_python()
    assert rows[0][0] == "小票号"
    assert len(rows) - 1 == next(w.rows for w in manifest.files if w.path.name == "pos-2026-03.xlsx")
    assert sum(row[-1] == "2026-13-45 99:61" for row in rows) == 2


def test_market_place_exports_changed_their_encoding(shop: tuple[Path, Manifest]) -> None:
    folder, _ = shop
    old = (folder / "tmall-orders-2025-12.csv").read_bytes().decode("gb18030")
    assert old.startswith("订单编号,")
    assert (folder / "tmall-orders-2026-01.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_money_adds_up_by_source(plain: tuple[Path, Manifest]) -> None:
    folder, manifest = plain
    with duckdb.connect() as connection:
        found = connection.execute(
            f"""select (select sum("实付金额") from '{folder}/tmall-orders.parquet'),
                       (select sum("退款金额") from '{folder}/tmall-refunds.parquet'),
                       (select sum("实收") from '{folder}/pos.parquet' where "小票号" not like 'X%')"""
        ).fetchone()
    online = [total for total in manifest.totals if total.source == "tmall"]
    counter = [total for total in manifest.totals if total.source == "pos"]
    assert found == (
        sum((t.paid for t in online), Decimal(0)),
        sum((t.refunded for t in online), Decimal(0)),
        sum((t.net for t in counter), Decimal(0)),
    )


def test_clicks_are_json_with_a_zone(shop: tuple[Path, Manifest]) -> None:
    folder, _ = shop
    first = json.loads((folder / "clicks-2026-08.jsonl").open(encoding="utf-8").readline())
    assert list(first) == ["openid", "event", "item", "time", "session"]
    assert first["time"].endswith("+08:00")


@pytest.mark.parametrize(("customers", "words"), [(10, "2000 to 2000000"), (3_000_000, "2000 to 2000000")])
def test_sizes_are_bounded(customers: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Market(customers)


def test_formats_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'shop' or 'plain'"):
        Market(SMALL).write(tmp_path, formats="excel")  # type: ignore[arg-type]
