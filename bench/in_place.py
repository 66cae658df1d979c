"""Event rows read in place against the same rows taken in: time to take in, bytes written, time of a tag scan.

Run `python bench/in_place.py` (10 M rows in ten files; `--rows`, `--files` for others). Each side runs in a process of its own. The scan
answers three questions of every customer at once (orders, what was paid, days since the last act); its answer must be the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from collect import SOURCE, answer, write_events

SCAN = """SELECT count(*) AS people, sum(orders) AS orders, sum(paid) AS paid, sum(latest) AS latest FROM (
  SELECT trace, count(*) FILTER (WHERE name = 'Order Completed') AS orders, sum(amount) AS paid, max(day) AS latest
  FROM events WHERE NOT trace IS NULL GROUP BY trace) AS t"""


def side(folder: Path, *, in_place: bool) -> None:
    """One collect into a fresh workspace, and the scan."""
    import sqlglot
    import yaml

    from limner.app.opening import make, open_stores, settings_of
    from limner.core.actor import OWNER
    from limner.core.definition import read
    from limner.flow.sources import collect
    from limner.flow.sources.definition import Source
    from limner.store.definitions import Definitions

    home = Path(tempfile.mkdtemp(dir=folder)) / "shop"
    make(home)
    stores = open_stores(home, settings_of(home, {}))
    body = {**yaml.safe_load(SOURCE), "files": ["table"], "in_place": in_place}
    definitions = Definitions({"sources": {"acts": read(Source, body, "acts")}}, {})
    start = time.perf_counter()
    found = collect(stores, definitions, folder=folder, who=OWNER, now=datetime(2026, 9, 1, tzinfo=UTC))
    seconds = time.perf_counter() - start
    written = sum(p.stat().st_size for n in ("events", "in_place") for p in stores.lake.folder.glob(f"{n}/*.parquet"))
    scans, rows = [], []
    for _ in range(4):
        start = time.perf_counter()
        rows = stores.lake.table(sqlglot.parse_one(SCAN, dialect="duckdb")).to_pylist()
        scans.append(time.perf_counter() - start)
    facts = {name: str(value) for name, value in rows[0].items()}
    answer(
        {
            "seconds": round(seconds, 1), "used": found.used, "mib": round(written / 2**20, 1), "answer": facts,
            "first_scan": round(scans[0], 2), "scan": round(min(scans[1:]), 2),
        }
    )  # fmt: skip


def main() -> None:
    """Both sides over the same files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--side", choices=["here", "taken"])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.side:
        side(given.folder, in_place=given.side == "here")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for turn in range(given.files):
            part = folder / "table" / f"part={turn}"
            part.mkdir(parents=True)
            write_events(part / "a.parquet", given.rows // given.files, turn)
        found = {}
        for which in ("taken", "here"):
            command = [sys.executable, __file__, "--side", which, "--folder", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[which] = dict(json.loads(done.stdout))
            print(json.dumps({"rows": given.rows, "side": which, **found[which]}), flush=True)
        if found["taken"]["answer"] != found["here"]["answer"]:
            sys.exit("the answers differ")


if __name__ == "__main__":
    main()
