"""Collect event rows from Parquet, against DuckDB's own INSERT … SELECT of the same rows.

Run `python bench/collect.py` (1 M and 10 M rows; `--rows` for others). Each side runs in a process of its own, the peer
into a table of a fresh DuckDB file. Limit at 10 M: at most 3 × the peer. What we do beside writing: hash identifiers,
give them traces, cut local days and hours, check and count every row. The identifiers are no addresses: sealing an
address in the vault takes about 20 µs more for each new one.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

SOURCE = """
id: acts
files: ["events.parquet"]
identifiers: {customer_no: member, device_id: device}
events:
  - {name: name, happened_at: happened_at, order_id: order_id, item_id: item, category: category, quantity: quantity,
     amount: amount, session: session, via: {constant: mini}}
"""


def write_events(path: Path, rows: int, turn: int = 0) -> None:
    """Rows of a shop's acts: one customer in ten rows, one act in twenty an order, some visitors without a number.

    Every `turn` has others.
    """
    import duckdb

    connection = duckdb.connect()
    relation = connection.sql(
        """SELECT CASE WHEN hash(i) % 10 < 7 THEN printf('M%08d', hash(i * 7) % $people) END AS member,
           printf('o%012d', hash(i * 7) % $people) AS device,
           CASE WHEN i % 20 = 0 THEN 'Order Completed' WHEN i % 3 = 0 THEN 'Product Added' ELSE 'Product Viewed' END AS name,
           TIMESTAMPTZ '2024-09-01 00:00:00+00' + to_microseconds((i % $rows) * (63000000000000 // $rows)) AS happened_at,
           CASE WHEN i % 20 = 0 THEN 'T' || i END AS order_id, 'i' || (hash(i * 5) % 800) AS item,
           'c' || (hash(i * 5) % 40) AS category, CAST(1 + i % 3 AS INT) AS quantity,
           CASE WHEN i % 20 = 0 THEN CAST(hash(i) % 90000 / 100 AS DECIMAL(12, 2)) END AS amount,
           'v' || (hash(i * 7) % $people) || '-' || (i % 50) AS session
           FROM range($rows * $turn, $rows * ($turn + 1)) AS r(i)""",
        params={"rows": rows, "turn": turn, "people": max(rows // 10, 10)},
    )
    relation.write_parquet(str(path), compression="zstd")


def ours(folder: Path) -> None:
    """One collect into a fresh workspace."""
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
    definitions = Definitions({"sources": {"acts": read(Source, yaml.safe_load(SOURCE), "acts")}}, {})
    start = time.perf_counter()
    now = datetime(2026, 9, 1, tzinfo=UTC)
    found = collect(stores, definitions, folder=folder, who=OWNER, now=now)
    answer({"seconds": time.perf_counter() - start, "rows": found.rows, "used": found.used})


def peer(folder: Path) -> None:
    """INSERT … SELECT into a table of a fresh DuckDB file."""
    import duckdb

    connection = duckdb.connect(str(Path(tempfile.mkdtemp(dir=folder)) / "peer.duckdb"))
    connection.execute("SET TimeZone = 'UTC'")
    source = str(folder / "events.parquet")
    connection.execute("CREATE TABLE events AS SELECT * FROM read_parquet($1) LIMIT 0", [source])
    start = time.perf_counter()
    connection.execute("INSERT INTO events SELECT * FROM read_parquet($1)", [source])
    connection.execute("CHECKPOINT")
    answer({"seconds": time.perf_counter() - start})


def answer(found: dict[str, float]) -> None:
    """One JSON document on standard output, the peak memory with it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found | {"peak_mib": round(peak)}))


def timed(side: str, folder: Path) -> dict[str, float]:
    """One side in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--side", side, "--folder", str(folder)], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def main() -> None:
    """Sizes in turn, each side twice, the better one counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--side", choices=["ours", "peer"])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.side:
        (ours if given.side == "ours" else peer)(given.folder)
        return
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_events(folder / "events.parquet", rows)
            best = {}
            for _ in range(2):
                for side in ("peer", "ours"):
                    found = timed(side, folder)
                    if side not in best or found["seconds"] < best[side]["seconds"]:
                        best[side] = found
            ratio = best["ours"]["seconds"] / best["peer"]["seconds"]
            print(json.dumps({"rows": rows, "ratio": round(ratio, 2), **best}))


if __name__ == "__main__":
    main()
