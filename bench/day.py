"""A day of card payments, as a clearing house has it: checked, each transaction once, tagged; then sent again.

24 files of an hour each, five payments a card and day. One payment in five hundred stands twice, in its own hour or in
the next; one in ten thousand has an amount nobody can read, or a clock of 1970. The source declares four checks, three
of them hard. Then, each in a process of its own:

    collect   rows to events; what cannot be used to rejects; the checks judged
    run       cards to customers, the built-in tags and two of the day
    again     the same files
    copied    the rows of one hour in a file of other bytes: every one of them is a duplicate

What came in is held against what was written, to the row and to the cent. Limits at 70 M rows: `collect` and `run` within
ten minutes together, `again` within two.

    python bench/day.py [--rows 700000 7000000 70000000]
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

HOURS = 24
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
SOURCE = """
files: [day/*.parquet]
identifiers: {card: card_no}
events:
  - {name: {constant: Bill Paid}, happened_at: paid_at, event_id: trade_no, item_id: merchant, category: mcc,
     amount: paid, via: {column: entry, words: {"05": pos, "07": mini, "01": web}}}
checks:
  - {check: null_share, column: events.amount, at_most: 0.01, level: hard}
  - {check: range, column: events.amount, at_least: 0, at_most: 5000000, allow: 0.001, level: hard}
  - {check: rejects, at_most: 0.02, level: hard}
  - {check: pace, at_most: 20}
"""
TAGS = """
- {id: payments_1d, name: 当日笔数, over: events, sql: count(*), within: 1d, type: int, path: 交易/当日}
- {id: spend_1d, name: 当日金额, over: events, sql: sum(amount), within: 1d, type: money, path: 交易/当日}
"""
ROW = """
SELECT 'T' || lpad(CAST($first + i AS VARCHAR), 12, '0') AS trade_no,
  '62' || lpad(CAST(hash($first + i) % $cards AS VARCHAR), 14, '0') AS card_no,
  'M' || (hash(($first + i) * 5) % 200000) AS merchant, CAST(5000 + hash(($first + i) * 3) % 400 AS VARCHAR) AS mcc,
  CASE WHEN ($first + i) % 10000 = 7777 THEN '1O.5O'
    ELSE CAST(CAST((1 + hash(($first + i) * 7) % 3000000) / 100 AS DECIMAL(12, 2)) AS VARCHAR) END AS paid,
  CASE WHEN ($first + i) % 10000 = 3333 THEN TIMESTAMP '1970-01-01 08:00:00'
    ELSE TIMESTAMP '2026-11-21 00:00:00' + to_microseconds(CAST(floor(($first + i) * $apart) AS BIGINT)) END AS paid_at,
  ['05', '07', '01'][(1 + hash(($first + i) * 11) % 3)::INT] AS entry
FROM range($rows) AS r(i)
"""


def write_day(folder: Path, rows: int) -> dict[str, Any]:
    """The files of a day of about `rows` payments; what is true of them."""
    import duckdb

    (folder / "day").mkdir(parents=True)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    once = round(rows * 500 / 501)
    count = lost = 0
    cents = 0
    for hour in range(HOURS):
        first, last = hour * once // HOURS, (hour + 1) * once // HOURS
        given = {"first": first, "rows": last - first, "cards": max(once // 5, 10), "apart": 86_400_000_000 / once}
        connection.execute(f"CREATE OR REPLACE TEMP TABLE hour AS {ROW}", given)
        before = "SELECT * FROM late UNION ALL" if hour else ""
        connection.execute(
            f"COPY ({before} SELECT * FROM hour UNION ALL SELECT * FROM hour WHERE hash(trade_no) % 1000 = 1) "
            f"TO '{folder / 'day' / f'{hour:02d}.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
        )
        connection.execute("CREATE OR REPLACE TEMP TABLE late AS SELECT * FROM hour WHERE hash(trade_no) % 1000 = 2")
        found = connection.execute(
            "SELECT count(*) FILTER (w), count(*) FILTER (NOT w), CAST(sum(c) FILTER (w) AS BIGINT) FROM (SELECT "
            "year(paid_at) > 2000 AS w, TRY_CAST(paid AS DECIMAL(12, 2)) * 100 AS c FROM hour)"
        ).fetchone()
        assert found is not None
        count, lost, cents = count + found[0], lost + found[1], cents + found[2]
    connection.close()
    size = sum(path.stat().st_size for path in (folder / "day").iterdir())
    return {"events": count, "lost": lost, "cents": cents, "mib": round(size / 2**20)}


def open_shop(folder: Path) -> Workspace:
    """The workspace; made when it is not there."""
    import limner
    from limner.app.opening import make

    home = folder / "shop"
    if not home.exists():
        make(home)
        for kind, text in (("sources", SOURCE), ("tags", TAGS)):
            (home / kind).mkdir(exist_ok=True)
            (home / kind / "card.yaml").write_text(text, encoding="utf-8")
        (home / "day").symlink_to(folder / "day")
        with limner.open(home, clock=lambda: NOW) as shop:
            shop.apply()
    return limner.open(home, clock=lambda: NOW)


def collect(shop: Workspace) -> dict[str, Any]:
    """Bring in the day."""
    found = shop.collect()
    return {"rows": found.rows, "used": found.used, "unchanged": found.unchanged, "rejected": dict(found.rejected)}


def run(shop: Workspace) -> dict[str, Any]:
    """Build customers and tags."""
    found = shop.run()
    return {"customers": found.customers, "tags": found.tags, "done": list(found.done)}


def total(shop: Workspace) -> dict[str, Any]:
    """What the lake holds."""
    from sqlglot import exp

    rows = shop.stores.lake.table(exp.select("count(*) AS n", "sum(amount) AS paid").from_("events")).to_pylist()[0]
    return {"events": rows["n"], "cents": int(rows["paid"] * 100)}


STEPS: dict[str, Callable[[Workspace], dict[str, Any]]] = {
    "collect": collect,
    "run": run,
    "again": collect,
    "copied": collect,
    "total": total,
}


def step(name: str, folder: Path) -> None:
    """One step: prints what it found, how long it took and its peak memory."""
    start = time.perf_counter()
    with open_shop(folder) as shop:
        found = STEPS[name](shop)
    took = {"seconds": round(time.perf_counter() - start, 1), "processor": round(time.process_time(), 1)}
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(found | took | {"peak_mib": peak}))


def timed(name: str, folder: Path) -> dict[str, Any]:
    """One step in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--step", name, "--folder", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = dict(json.loads(done.stdout.splitlines()[-1]))
    print(f"  {name:8} {json.dumps(found, ensure_ascii=False)}", flush=True)
    return found


def copy_hour(folder: Path) -> None:
    """The rows of an hour once more, in a file whose bytes are others."""
    import pyarrow.parquet as pq

    pq.write_table(
        pq.read_table(folder / "day" / "11.parquet"), folder / "day" / "11-copy.parquet", compression="snappy"
    )


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """All steps at one size; what came in must be what was written."""
    truth = write_day(folder, rows)
    print(f"{rows:,} rows, {truth['mib']:,} MiB", flush=True)
    taken = timed("collect", folder)
    tagged = timed("run", folder)
    again = timed("again", folder)
    assert (again["rows"], again["unchanged"]) == (0, HOURS)
    copy_hour(folder)
    copied = timed("copied", folder)
    assert copied["used"] == 0
    held = timed("total", folder)
    assert {name: held[name] for name in ("events", "cents")} == {name: truth[name] for name in ("events", "cents")}
    assert sum(taken["rejected"].values()) == taken["rows"] - truth["events"]
    return {
        "rows": rows,
        "collect": taken["seconds"],
        "run": tagged["seconds"],
        "again": again["seconds"],
        "copied": copied["seconds"],
        "peak_mib": max(taken["peak_mib"], tagged["peak_mib"]),
    }


def main() -> None:
    """Sizes in turn, and how the time grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[700_000, 7_000_000, 70_000_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=list(STEPS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.step:
        step(given.step, given.folder)
        return
    found = []
    for rows in given.rows:
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            found.append(measure(Path(name), rows))
    for before, after in pairwise(found):
        for name in ("collect", "run"):
            grown = math.log(after[name] / before[name]) / math.log(after["rows"] / before["rows"])
            print(f"{name}: from {before['rows']:,} to {after['rows']:,} rows time grows with the exponent {grown:.2f}")
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
