"""The rows and values that could not be used, as their owner looks at them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest

from limner.app.workspace import Workspace
from limner.core.errors import NotFound
from limner.edge.show import shown
from small_shop import write_shop

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path):
    with Workspace(write_shop(tmp_path / "shop"), clock=lambda: NOW) as found:
        orders = found.folder / "data" / "orders.csv"
        head = orders.read_text(encoding="utf-8-sig").splitlines()[0]
        stamp = {"会员号": "M1", "时间": "昨天", "订单号": "X1", "实付": "12"}
        cells = [stamp[name] for name in head.split(",")]
        with orders.open("a", encoding="utf-8") as file:
            file.write(",".join(cells) + "\n")
        found.apply()
        found.collect()
        yield found


def test_rejects_are_shown_with_place_column_value_and_reason(shop):
    found = shop.rejects(source="订单")
    assert found.total == 1
    [row] = found.rows
    assert (row["source"], row["column_name"], row["value"], row["reason"]) == (
        "orders",
        "时间",
        "昨天",
        "not a date or time",
    )
    assert row["place"].startswith("orders.csv:")
    assert shop.rejects(row["load"], reason="not a date or time").rows == found.rows
    assert shop.rejects(reason="no such reason").total == 0
    assert "not a date or time" in shown(found, "en")
    assert "昨天" in shown(found, "zh")
    assert "没有拒收" in shown(shop.rejects(reason="no such reason"), "zh")


def test_addresses_are_masked_and_all_can_be_written(shop, tmp_path):
    every = shop.rejects(limit=1_000)
    assert every.total > 1  # M0 has a placeholder for a phone
    assert not any("13800138000" in str(row["value"]) for row in every.rows)
    path = tmp_path / "rejects.csv"
    assert shop.rejects(output=path).total == every.total
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == every.total


def test_a_load_that_never_was_is_named(shop):
    with pytest.raises(NotFound, match="99"):
        shop.rejects(99)


def test_check_says_that_rows_have_come_since_the_last_run(shop):
    shop.run()
    assert not shop.check().is_behind
    orders = shop.folder / "data" / "orders.csv"
    more = shop.folder / "data" / "more.csv"
    more.write_text(orders.read_text(encoding="utf-8-sig").splitlines()[0] + "\n", encoding="utf-8")
    with more.open("a", encoding="utf-8") as file:
        values = {"会员号": "M1", "时间": "2026-08-30 10:00", "订单号": "Y1", "实付": "12"}
        file.write(
            ",".join(values[name] for name in orders.read_text(encoding="utf-8-sig").splitlines()[0].split(",")) + "\n"
        )
    shop.collect(more, source="orders")
    found = shop.check()
    assert found.is_behind
    assert found.reconciled.difference is None
    assert "limner run" in shown(found, "en")
    shop.run()
    assert not shop.check().is_behind
    assert shop.check().reconciled.difference == 0
