"""Small files put together: the same rows, fewer files, whatever happens meanwhile."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from limner.store.lake import compacting
from limner.store.lake.compacting import crowds, put_together

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)


@pytest.fixture
def live(tmp_path):
    from flow.sources.live.test_drain import Live

    return Live(tmp_path)


def said(turn):
    stamp = (NOW - timedelta(minutes=turn)).isoformat()
    return {"name": "Wheel Spun", "id": f"m{turn}", "at": stamp, "user": f"u{turn % 7}", "traits": {"n": turn}}


def spread(live, count):
    """What comes in over so many drains."""
    for turn in range(count):
        live.send(said(turn))
        live.take()


TABLES = ("events", "identifiers", "traits", "traces")


def rows_of(live):
    return {table: live.ask(f"SELECT * FROM {table} ORDER BY ALL") for table in TABLES}


def test_the_rows_stay_and_the_files_become_few(live, monkeypatch):
    monkeypatch.setattr(compacting, "MOST", 9)
    spread(live, 20)
    before, lake = rows_of(live), live.stores.lake
    found = crowds(lake)
    assert {one.table for one in found} == {"events", "traits", "identifiers", "traces"} - {
        table for table in TABLES if len(lake.catalog.snapshot().of(table)) < compacting.MANY
    }
    assert all(put_together(lake, crowd, NOW) for crowd in found)
    assert rows_of(live) == before
    assert len(lake.catalog.snapshot().of("events")) == 3
    live.send(said(0), said(50))
    assert live.take().counts.rejected == {"duplicate event": 1}
    live.afresh()
    live.send(said(3), said(51))
    assert live.take().counts.rejected == {"duplicate event": 1}
    assert not crowds(lake)


def test_a_file_that_has_gone_meanwhile_leaves_all_as_it_was(live):
    spread(live, 16)
    lake = live.stores.lake
    crowd = random.Random(1).choice([one for one in crowds(lake) if one.table == "events"])
    assert put_together(lake, crowd, NOW)
    before = rows_of(live)
    assert not put_together(lake, crowd, NOW)
    assert rows_of(live) == before
    lake.catalog.sweep(lake.folder, NOW + timedelta(hours=1))
    assert not put_together(lake, crowd, NOW)
    assert rows_of(live) == before


def test_loads_of_files_stand_as_they_are(tmp_path):
    from intake import HEAD, ORDERS, Intake

    shop = Intake(tmp_path, ORDERS)
    for turn in range(20):
        shop.put(f"orders{turn}.csv", HEAD + f"{turn},1381234{turn:04d},A{turn},6,已付款,2026-08-04\n")
        shop.load(f"orders{turn}.csv")
    assert {one.load for one in crowds(shop.stores.lake)} <= {None}
