"""What customers did, asked of 200 M events of 10 M customers, against the best DuckDB statement written by hand.

Run `python bench/behaviour.py` (smaller: `--events 2000000 --customers 100000`). Both sides read the same Parquet files
through the same engine settings, in turn in one process, and must answer the same customers; ours ends in a roaring
bitmap, the peer in Arrow. Limit: 1.2 times the peer's time. `--growth` takes 1/100 and 1/10 of the size too.
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
from pathlib import Path
from zoneinfo import ZoneInfo

from tags import ASOF, fill, stores_at

QUESTIONS = {
    "did twice in 90 days": (
        'did("Order Completed", times=2, within="90d")',
        """SELECT number FROM events JOIN links USING (trace)
        WHERE name = 'Order Completed' AND happened_at >= $asof - INTERVAL 90 DAY AND happened_at < $asof
        GROUP BY number HAVING count(*) >= 2""",
    ),
    "did by app, ever": (
        'did("Product Added", via == "app")',
        """SELECT DISTINCT number FROM events JOIN links USING (trace)
        WHERE name = 'Product Added' AND via = 'app' AND happened_at < $asof""",
    ),
    "spent in a year": (
        'sum("Order Completed", amount, within="365d") >= 1500',
        """SELECT number FROM events JOIN links USING (trace)
        WHERE name = 'Order Completed' AND happened_at >= $asof - INTERVAL 365 DAY AND happened_at < $asof
        GROUP BY number HAVING sum(amount) >= 1500""",
    ),
    "one after another, no third between": (
        'sequence("Product Favorited", "Order Completed", within="30d", without="Order Refunded")',
        """SELECT DISTINCT number FROM (
          SELECT number, name, happened_at,
            max(happened_at) FILTER (name = 'Product Favorited') OVER before AS liked,
            max(happened_at) FILTER (name = 'Order Refunded') OVER before AS refunded
          FROM events JOIN links USING (trace)
          WHERE name IN ('Product Favorited', 'Order Completed', 'Order Refunded') AND happened_at < $asof
          WINDOW before AS (PARTITION BY number ORDER BY happened_at RANGE BETWEEN UNBOUNDED PRECEDING
            AND INTERVAL 1 MICROSECOND PRECEDING))
        WHERE name = 'Order Completed' AND happened_at - liked < INTERVAL 30 DAY
          AND (refunded IS NULL OR refunded <= liked)""",
    ),
}


def asked(folder: Path, times: int) -> dict[str, dict[str, float]]:
    """Seconds of each question on both sides, the least of several turns."""
    from sqlglot import parse_one

    from limner.core.rule import parse, resolve
    from limner.core.rule.lexicon import EVENT_COLUMNS, Lexicon
    from limner.flow.audiences.behaviour import LakeBehaviour

    stores = stores_at(folder)
    lexicon = Lexicon(properties=EVENT_COLUMNS, zone=ZoneInfo("Asia/Shanghai"))
    cursor = stores.lake.cursor()
    for name, versions in (("events", {}), ("links", {"links": "bench"})):
        text, _ = stores.lake._prepare(parse_one(f"SELECT * FROM {name}", read="duckdb"), {}, versions)
        cursor.execute(f"CREATE TEMP VIEW {name} AS {text}")
    found = {}
    for name, (rule, by_hand) in QUESTIONS.items():
        leaf = resolve(parse(rule), lexicon)
        spent: dict[str, list[float]] = {"ours": [], "peer": []}
        for _ in range(times):
            start = time.perf_counter()
            members = LakeBehaviour(stores.lake, "bench", ASOF, lexicon, 0)(leaf)
            spent["ours"].append(time.perf_counter() - start)
            start = time.perf_counter()
            answer = cursor.execute(by_hand, {"asof": ASOF}).to_arrow_table()
            spent["peer"].append(time.perf_counter() - start)
            if set(answer["number"].to_pylist()) != set(members):
                raise SystemExit(f"{name}: the two answers differ")
        ours, peer = min(spent["ours"]), min(spent["peer"])
        told = {"members": len(members), "ours_s": round(ours, 3), "peer_s": round(peer, 3)}
        found[name] = told | {"ratio": round(ours / peer, 2)}
    return found


def measured(folder: Path, events: int, customers: int, times: int) -> dict[str, object]:
    """One size, filled and asked in processes of their own."""
    for side in ("fill", "ask"):
        command = [sys.executable, __file__, "--side", side, "--folder", str(folder), "--times", str(times)]
        command += ["--events", str(events), "--customers", str(customers)]
        if side == "ask" or not (folder / "limner.toml").exists():
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {"events": events, "customers": customers, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    """Fill, ask both sides, print one JSON document a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000_000)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--side", choices=("fill", "ask"))
    arguments = parser.parse_args()
    if arguments.side == "fill":
        fill(arguments.folder, arguments.events, arguments.customers)
        return
    if arguments.side == "ask":
        found = asked(arguments.folder, arguments.times)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"questions": found, "peak_mib": round(peak), "limit": 1.2}))
        return
    before: dict[str, dict[str, float]] = {}
    for part in (100, 10, 1) if arguments.growth else (1,):
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.folder or Path(temporary) / "shop"
            found = measured(folder, arguments.events // part, arguments.customers // part, arguments.times)
        questions = found["questions"]
        growth = {
            name: round(math.log10(one["ours_s"] / before[name]["ours_s"]), 2)
            for name, one in questions.items()  # type: ignore[attr-defined]
            if name in before
        }
        print(json.dumps({**found, "growth": growth}, indent=1), flush=True)
        before = questions  # type: ignore[assignment]


if __name__ == "__main__":
    main()
