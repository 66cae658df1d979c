"""Count an audience of five conditions, against the same SQL on a wide DuckDB table.

Run `python bench/audience_count.py` (10 M customers; also a hundredth and a tenth of it). Both sides answer from data
in the page cache. Cold means: nothing cached by us, a fresh reader; the peer's table is in its own file and memory.
Limits at full size: at most 5 ms with the five leaves cached, cold no slower than the peer.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
from pyroaring import BitMap

RULE = (
    "recency_days > 60 and orders >= 3 and net_spend >= 500.5 and 城市 in ('上海', '杭州') and full_price_share < 0.3"
)
TYPES = {"recency_days": "int", "orders": "int", "net_spend": "money", "city": "text", "full_price_share": "float"}
CITIES = ("北京", "上海", "杭州", "成都", "广州", "西安", "武汉", "南京")


def columns(customers: int) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Five columns with the unknown answers real ones have."""
    rng = np.random.default_rng(1)
    has_orders = rng.random(customers) < 0.6
    return {
        "recency_days": (rng.integers(0, 900, customers), has_orders),
        "orders": (rng.geometric(0.35, customers) - 1, None),
        "net_spend": ((rng.lognormal(6, 1, customers) * 10_000).astype(np.int64), has_orders),
        "city": (rng.integers(0, len(CITIES), customers), rng.random(customers) < 0.9),
        "full_price_share": (np.round(rng.random(customers), 3), has_orders),
    }


def fill(folder: Path, customers: int) -> None:
    """The same answers as a gallery version and as a wide table in a DuckDB file."""
    import duckdb

    from limner.store.gallery import Gallery
    from limner.store.gallery.encode import encode
    from limner.store.gallery.table import to_arrow

    draft = Gallery(folder / "gallery").draft()
    for name, (values, known) in columns(customers).items():
        texts = CITIES if TYPES[name] == "text" else ()
        draft.put_encoded(name, encode(name, TYPES[name], values, known, texts))
    draft.put_living(BitMap(range(customers)))
    version = draft.seal("bench")
    connection = duckdb.connect(str(folder / "wide.duckdb"))
    connection.register("columns", to_arrow(version))
    connection.execute("CREATE TABLE gallery AS SELECT * REPLACE (CAST(city AS VARCHAR) AS city) FROM columns")
    connection.close()


def best(act: Callable[[], int], times: int) -> tuple[float, float, int]:
    """The least and the median milliseconds of several runs, and the answer."""
    spent, answer = [], 0
    for _ in range(times):
        start = time.perf_counter()
        answer = act()
        spent.append((time.perf_counter() - start) * 1000)
    return min(spent), sorted(spent)[len(spent) // 2], answer


def ours(folder: Path, times: int) -> dict[str, float]:
    """Milliseconds from rule text to number: cold and with the leaves cached."""
    from limner.core.rule import Lexicon, TagWord, parse, resolve
    from limner.store.gallery import Gallery, LeafCache, Version, evaluate
    from limner.store.gallery.bits import count

    words = Lexicon(tuple(TagWord(name, kind, ("城市",) if name == "city" else ()) for name, kind in TYPES.items()))
    version = Gallery(folder / "gallery").version("bench")
    kept = LeafCache()

    def cold() -> int:
        fresh = Version(folder / "gallery" / "bench")
        return count(evaluate(resolve(parse(RULE), words), fresh, cache=LeafCache()))

    def warm() -> int:
        return count(evaluate(resolve(parse(RULE), words), version, cache=kept))

    warm()
    cold_best, cold_median, answer = best(cold, times)
    warm_best, warm_median, again = best(warm, times * 5)
    if answer != again:
        raise SystemExit("cold and cached answers differ")
    return {
        "cold_ms": cold_best, "cold_median_ms": cold_median, "cached_ms": warm_best, "cached_median_ms": warm_median,
        "count": answer,
    }  # fmt: skip


def peer(folder: Path, times: int) -> dict[str, float]:
    """Milliseconds of the same rule as SQL over the wide table."""
    from datetime import UTC, datetime

    import duckdb
    from sqlglot import exp

    from limner.core.rule import Lexicon, TagWord, parse, resolve
    from limner.store.lake.rule_sql import SqlReading, members_query

    words = Lexicon(tuple(TagWord(name, kind, ("城市",) if name == "city" else ()) for name, kind in TYPES.items()))
    query = members_query(resolve(parse(RULE), words), SqlReading(TYPES, datetime(2026, 9, 1, tzinfo=UTC), UTC))
    text = query.select(exp.Count(this=exp.Star()), append=False).sql("duckdb")
    plain = Decimal("500.5")
    by_hand = (
        f"SELECT count(*) FROM gallery WHERE recency_days > 60 AND orders >= 3 AND net_spend >= {plain} "
        "AND city IN ('上海', '杭州') AND full_price_share < 0.3"
    )
    connection = duckdb.connect(str(folder / "wide.duckdb"), read_only=True, config={"threads": 2})

    def run(sql: str) -> int:
        return int(connection.execute(sql).fetchall()[0][0])

    written = best(lambda: run(text), times)
    hand = best(lambda: run(by_hand), times)
    if written[2] != hand[2]:
        raise SystemExit("the written and the hand-made SQL differ")
    return {"ms": hand[0], "median_ms": hand[1], "written_ms": written[0], "count": hand[2]}


def measured(side: str, folder: Path, customers: int, times: int) -> dict[str, float]:
    """One side in a process of its own, with its peak memory."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    done = subprocess.run(
        [*command, "--customers", str(customers), "--times", str(times)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Fill, measure both sides at three sizes, print a table or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--side", choices=("fill", "ours", "peer"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.side == "fill":
        fill(arguments.folder, arguments.customers)
        print("{}")
        return
    if arguments.side:
        found = (ours if arguments.side == "ours" else peer)(arguments.folder, arguments.times)
        found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({name: round(value, 3) for name, value in found.items()}))
        return
    rows = []
    for customers in (arguments.customers // 100, arguments.customers // 10, arguments.customers):
        with tempfile.TemporaryDirectory() as temporary:
            measured("fill", Path(temporary), customers, 1)
            sides = {side: measured(side, Path(temporary), customers, arguments.times) for side in ("peer", "ours")}
        if sides["ours"]["count"] != sides["peer"]["count"]:
            raise SystemExit("the two sides count differently")
        rows.append(
            {"customers": customers, **sides, "ratio": round(sides["ours"]["cold_ms"] / sides["peer"]["ms"], 2)}
        )
    show(rows, is_json=arguments.json)


def show(rows: list[dict], *, is_json: bool) -> None:
    """Print the result."""
    if is_json:
        print(json.dumps({"rule": RULE, "sizes": rows, "limit_cached_ms": 5.0, "limit_ratio": 1.0}, ensure_ascii=False))
        return
    print(f"{'customers':>12} {'cached':>9} {'cold':>9} {'DuckDB':>9} {'ratio':>6} {'peak MiB':>9} {'DuckDB MiB':>10}")
    for row in rows:
        own, other = row["ours"], row["peer"]
        print(
            f"{row['customers']:>12,} {own['cached_ms']:>6.2f} ms {own['cold_ms']:>6.1f} ms {other['ms']:>6.1f} ms "
            f"{row['ratio']:>6.2f} {own['peak_mib']:>9.0f} {other['peak_mib']:>10.0f}"
        )


if __name__ == "__main__":
    main()
