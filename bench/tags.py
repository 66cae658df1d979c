"""30 tags over 20 M events of 1 M customers, against one hand-written DuckDB statement with the same aggregates.

Run `python bench/tags.py` (a smaller market: `--events 2000000 --customers 100000`). Both sides read the same Parquet
files through the same engine settings, each in a process of its own; the peer answers in Arrow, we write gallery
columns and sync them to disk. Limits: at most twice the time, at most 4 GiB of memory.
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
from typing import TYPE_CHECKING

import pyarrow as pa
from pyroaring import BitMap

if TYPE_CHECKING:
    from limner.store.stores import Stores

ASOF = datetime(2026, 8, 31, 16, tzinfo=UTC)
DAY = 20697
"""The local day of the asof, 2026-09-01 in Shanghai."""

TAGS = (
    *("recency_days", "first_order_days", "orders", "orders_30d", "orders_90d", "orders_365d", "refund_count"),
    *("refunds", "returns_rate", "gross_spend", "net_spend", "net_spend_30d", "net_spend_90d", "net_spend_365d"),
    *("avg_order", "max_order", "coupon_orders", "discount_share", "discount_sensitivity", "tenure_days"),
    *("last_active_days", "active_days_30d", "sessions_30d", "views_30d", "favourites_30d", "cart_adds_30d"),
    *("night_share", "weekend_share", "first_via", "last_via"),
)

PEER = """
SELECT
  l.number,
  $day - max(day) FILTER (name = 'Order Completed') AS recency_days,
  $day - min(day) FILTER (name = 'Order Completed') AS first_order_days,
  count(*) FILTER (name = 'Order Completed') AS orders,
  count(*) FILTER (name = 'Order Completed' AND day >= $day - 30) AS orders_30d,
  count(*) FILTER (name = 'Order Completed' AND day >= $day - 90) AS orders_90d,
  count(*) FILTER (name = 'Order Completed' AND day >= $day - 365) AS orders_365d,
  count(*) FILTER (name = 'Order Refunded') AS refund_count,
  sum(amount) FILTER (name = 'Order Refunded') AS refunds,
  count(*) FILTER (name = 'Order Refunded') / nullif(count(*) FILTER (name = 'Order Completed'), 0) AS returns_rate,
  sum(amount) FILTER (name = 'Order Completed') AS gross_spend,
  sum(CASE name WHEN 'Order Completed' THEN amount WHEN 'Order Refunded' THEN -amount END) AS net_spend,
  sum(CASE name WHEN 'Order Completed' THEN amount WHEN 'Order Refunded' THEN -amount END)
    FILTER (day >= $day - 30) AS net_spend_30d,
  sum(CASE name WHEN 'Order Completed' THEN amount WHEN 'Order Refunded' THEN -amount END)
    FILTER (day >= $day - 90) AS net_spend_90d,
  sum(CASE name WHEN 'Order Completed' THEN amount WHEN 'Order Refunded' THEN -amount END)
    FILTER (day >= $day - 365) AS net_spend_365d,
  avg(amount) FILTER (name = 'Order Completed') AS avg_order,
  max(amount) FILTER (name = 'Order Completed') AS max_order,
  count(p_coupon) FILTER (name = 'Order Completed') AS coupon_orders,
  sum(p_discount) FILTER (name = 'Order Completed' AND p_list_amount > 0)
    / nullif(sum(p_list_amount) FILTER (name = 'Order Completed' AND p_list_amount > 0), 0) AS discount_share,
  count(*) FILTER (name = 'Order Completed' AND (p_coupon IS NOT NULL OR p_discount >= p_list_amount * 0.1))
    / nullif(count(*) FILTER (name = 'Order Completed'), 0) AS discount_sensitivity,
  $day - min(day) AS tenure_days,
  $day - max(day) FILTER (name NOT LIKE 'Message %') AS last_active_days,
  count(DISTINCT day) FILTER (name NOT LIKE 'Message %' AND day >= $day - 30) AS active_days_30d,
  count(DISTINCT session) FILTER (day >= $day - 30) AS sessions_30d,
  count(*) FILTER (name = 'Product Viewed' AND day >= $day - 30) AS views_30d,
  count(*) FILTER (name = 'Product Favorited' AND day >= $day - 30) AS favourites_30d,
  count(*) FILTER (name = 'Product Added' AND day >= $day - 30) AS cart_adds_30d,
  count(*) FILTER (name NOT LIKE 'Message %' AND (hour >= 22 OR hour < 6))
    / nullif(count(*) FILTER (name NOT LIKE 'Message %'), 0) AS night_share,
  count(*) FILTER (name NOT LIKE 'Message %' AND (day + 3) % 7 >= 5)
    / nullif(count(*) FILTER (name NOT LIKE 'Message %'), 0) AS weekend_share,
  arg_min(via, happened_at) FILTER (name NOT LIKE 'Message %') AS first_via,
  arg_max(via, happened_at) FILTER (name NOT LIKE 'Message %') AS last_via
FROM events AS e JOIN links AS l USING (trace)
WHERE happened_at < $asof
GROUP BY l.number
"""

EVENTS = """
SELECT
  CASE
    WHEN pick < 55 THEN 'Product Viewed' WHEN pick < 63 THEN 'Product Favorited' WHEN pick < 70 THEN 'Product Added'
    WHEN pick < 80 THEN 'Order Completed' WHEN pick < 82 THEN 'Order Refunded' WHEN pick < 92 THEN 'Message Delivered'
    WHEN pick < 95 THEN 'Message Clicked' ELSE 'Signed In'
  END AS name,
  timestamptz '2026-08-31 16:00:00+00' - to_microseconds(1 + (hash(i + 1) % 63072000000000)::bigint) AS happened_at,
  CAST(floor((epoch_us(timestamptz '2026-08-31 16:00:00+00') / 1000000 + 28800
    - (1 + (hash(i + 1) % 63072000000000)::bigint) / 1000000) / 86400) AS int) AS day,
  CAST(hash(i + 2) % 24 AS tinyint) AS hour,
  CAST(hash(i + 3) % $customers AS int) AS trace,
  'bench' AS source,
  ['web', 'app', 'mini', 'pos'][(1 + hash(i + 4) % 4)::int] AS via,
  's' || (hash(i + 5) % 5000000) AS session,
  CASE WHEN pick BETWEEN 70 AND 81 THEN CAST((100 + hash(i + 6) % 90000) / 100 AS decimal(18, 4)) END AS amount,
  CASE WHEN pick BETWEEN 70 AND 79 THEN CAST((100 + hash(i + 6) % 90000) / 80 AS decimal(18, 4)) END AS p_list_amount,
  CASE WHEN pick BETWEEN 70 AND 79 THEN CAST((100 + hash(i + 6) % 90000) / 400 AS decimal(18, 4)) END AS p_discount,
  CASE WHEN pick BETWEEN 70 AND 73 THEN 'TEN' END AS p_coupon
FROM (SELECT range AS i, hash(range) % 100 AS pick FROM range($first, $last))
"""


def stores_at(folder: Path) -> Stores:
    """The stores of the benchmark's workspace; DuckDB may take 2.5 GiB."""
    from limner.app.opening import make, open_stores, settings_of

    if not (folder / "limner.toml").exists():
        make(folder)
    return open_stores(folder, settings_of(folder, {"LIMNER_LIMITS_MEMORY": "2560", "LIMNER_LIMITS_THREADS": "2"}))


def fill(folder: Path, events: int, customers: int) -> None:
    """Write the market: events in batches of two million, and one link per customer."""
    stores = stores_at(folder)
    for first in range(0, events, 2_000_000):
        given = {"first": first, "last": min(first + 2_000_000, events), "customers": customers}
        rows = stores.lake.cursor().execute(EVENTS, given).to_arrow_table()
        stores.lake.append("events", f"bench:{first}", rows, load=1)
    numbers = pa.array(range(customers), pa.int32())
    known = pa.array([True] * customers, pa.bool_())
    stores.lake.publish("links", "bench", pa.table({"trace": numbers, "number": numbers, "is_identified": known}))
    stores.close()


def ours(folder: Path, customers: int) -> float:
    """Seconds to compute the tags and write their columns, synced."""
    from limner.core.actor import OWNER
    from limner.flow.tags.tag import tag
    from limner.store.definitions import Definitions

    stores = stores_at(folder)
    draft = stores.gallery.draft()
    draft.put_living(BitMap(range(customers)), customers)
    start = time.perf_counter()
    tag(stores, Definitions({}, {}), draft, who=OWNER, asof=ASOF, links="bench", only=TAGS)
    draft.seal(f"bench-{time.time_ns()}")
    return time.perf_counter() - start


def peer(folder: Path, customers: int) -> float:
    """Seconds of the hand-written statement over the same files, answered in Arrow."""
    from sqlglot import parse_one

    stores = stores_at(folder)
    cursor = stores.lake.cursor()
    for name, version in (("events", None), ("links", "bench")):
        versions = {name: version} if version else {}
        text, _ = stores.lake._prepare(parse_one(f"SELECT * FROM {name}", read="duckdb"), {}, versions)
        cursor.execute(f"CREATE TEMP VIEW {name} AS {text}")
    start = time.perf_counter()
    answer = cursor.execute(PEER, {"day": DAY, "asof": ASOF}).to_arrow_table()
    seconds = time.perf_counter() - start
    if answer.num_rows > customers:
        raise SystemExit("the peer answered too many rows")
    return seconds


def measured(side: str, arguments: argparse.Namespace, folder: Path) -> dict[str, float]:
    """One side in a process of its own: seconds (best of three) and peak memory in MiB."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    command += ["--customers", str(arguments.customers), "--events", str(arguments.events)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Fill, measure both sides, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--side", choices=("fill", "ours", "peer"))
    arguments = parser.parse_args()
    if arguments.side == "fill":
        fill(arguments.folder, arguments.events, arguments.customers)
        print("{}")
        return
    if arguments.side:
        run = ours if arguments.side == "ours" else peer
        seconds = min(run(arguments.folder, arguments.customers) for _ in range(3))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": round(seconds, 2), "peak_mib": round(peak)}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "shop"
        if not (folder / "limner.toml").exists():
            measured("fill", arguments, folder)
        found = {side: measured(side, arguments, folder) for side in ("peer", "ours")}
    ratio = round(found["ours"]["seconds"] / found["peer"]["seconds"], 2)
    sizes = {"tags": len(TAGS), "events": arguments.events, "customers": arguments.customers}
    print(json.dumps({**sizes, **found, "ratio": ratio, "limit": 2.0, "memory_limit_mib": 4096}, indent=1))


if __name__ == "__main__":
    main()
