"""A collect killed at any moment and run again gives the lake of one that was never killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from intake import Intake
from limner.core.ids import identifier_hash

MAPPING = """
id: pos
files: ["pos*.csv"]
identifiers: {member_no: m, phone: p}
events: [{name: {constant: Order Completed}, happened_at: t, order_id: o}]
lines: {item_id: i, amount: a}
traits: {city: c}
"""
CLICKS = """
id: clicks
files: ["clicks*.csv"]
identifiers: {member_no: m}
events: [{name: e, happened_at: t, event_id: k}]
"""
RUN = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from limner.flow.sources import base
base.CHUNK_ROWS = 1500
from intake import Intake
shop = Intake(Path({folder!r}), {mapping!r}, {clicks!r})
print("ready", flush=True)
shop.load(tell=lambda done, total, words: print(done, flush=True))
shop.stores.close()
"""


def write_files(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for month in range(3):
        rows = [
            f"{month}-{n // 3},A{n % 50},139{n % 70:08d},i{n % 9},{n}.5,2026-0{month + 1}-03,c{n % 3}"
            for n in range(2000)
        ]
        (folder / f"pos{month}.csv").write_text("o,m,p,i,a,t,c\n" + "\n".join(rows) + "\n")
    rows = [f"A{n % 90},加购,2026-02-0{n % 9 + 1},{n % 5900}" for n in range(6000)]
    (folder / "clicks.csv").write_text("m,e,t,k\n" + "\n".join(rows) + "\n")


def lake_of(shop: Intake) -> dict[str, list[object]]:
    """What the lake says, without the numbers that a killed run uses up."""
    named = "(SELECT trace, any_value(hash) AS who FROM traces GROUP BY trace)"
    facts = {
        "events": f"SELECT name, happened_at, order_id, amount, w.who FROM events LEFT JOIN {named} AS w USING (trace) ORDER BY ALL",
        "lines": f"SELECT order_id, line, item_id, amount, w.who FROM lines LEFT JOIN {named} AS w USING (trace) ORDER BY ALL",
        "traits": f"SELECT name, text, happened_at, w.who FROM traits LEFT JOIN {named} AS w USING (trace) ORDER BY ALL",
        "identifiers": "SELECT kind, hash, happened_at, with_trace IS NULL FROM identifiers ORDER BY ALL",
        "rejects": "SELECT place, reason FROM rejects ORDER BY ALL",
        "traces": "SELECT kind, hash, count(*) FROM traces GROUP BY ALL ORDER BY ALL",
    }
    key = shop.stores.hash_key
    raws = [("member_no", f"A{n}") for n in range(100)] + [("phone", f"+86139{n:08d}") for n in range(100)]
    named = {identifier_hash(key, kind, raw): raw for kind, raw in raws}
    return {
        name: sorted(str([named[v] if isinstance(v, bytes) else v for v in row.values()]) for row in shop.ask(sql))
        for name, sql in facts.items()
    }


def counts_of(shop: Intake) -> list[object]:
    from limner.flow.sources import list_loads

    return sorted((load.file, load.state, str(load.counts)) for load in list_loads(shop.stores))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    write_files(folder)
    shop = Intake(folder, MAPPING, CLICKS)
    from limner.flow.sources import base

    before, base.CHUNK_ROWS = base.CHUNK_ROWS, 1500
    shop.load()
    base.CHUNK_ROWS = before
    answer = lake_of(shop), counts_of(shop)
    shop.stores.close()
    return answer


def run_and_kill(folder: Path, after: float) -> bool:
    """Whether the run was killed before it ended by itself."""
    path = [str(Path(__file__).parents[2]), str(Path(__file__).parents[3] / "src")]
    code = RUN.format(path=path, folder=str(folder), mapping=MAPPING, clicks=CLICKS)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    time.sleep(after)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("after", [0.15, 0.5])
def test_killed_and_run_again(tmp_path, whole, after):
    kill_until_done(tmp_path, whole, [after, after * 1.7])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_many_moments(tmp_path, whole):
    for turn in range(12):
        kill_until_done(tmp_path / str(turn), whole, [0.08 * (turn + 1), 0.21, 0.4])


def kill_until_done(folder, whole, moments):
    write_files(folder)
    for after in moments:
        run_and_kill(folder, after)
    shop = Intake(folder, MAPPING, CLICKS)
    from limner.flow.sources import base

    before, base.CHUNK_ROWS = base.CHUNK_ROWS, 1500
    shop.load()
    again = shop.load()
    base.CHUNK_ROWS = before
    assert again.unchanged == 4
    lake, counts = whole
    assert counts_of(shop) == counts
    found = lake_of(shop)
    for name, rows in lake.items():
        assert found[name] == rows, name
    shop.stores.close()
