"""The estimator: 2,000 replicates of the gate's hold-out scheme, and a lift over 10 M outcomes summed by the lake.

Run `python bench/estimator.py` (about three minutes; `--replicates 200 --rows 1000000` for a look). Wanted: coverage
95 ± 1.4 %, false alarms 5 ± 1.4 %, free and under limits; 10 M outcomes to every metric in at most 30 s.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

LIMITS = {
    "free": {},
    "capacity": {"capacity": 4_000},
    "budget": {"budget": 350.0},
    "both": {"capacity": 4_500, "budget": 420.0},
}


def replicates(count: int) -> list[dict[str, object]]:
    """Coverage and false alarms of rate and money, per kind of limit."""
    from maths.gate import Market, replicate

    market = Market.of(8_000, 0.09, np.random.default_rng(7))
    found = []
    for name, limits in LIMITS.items():
        started = time.perf_counter()
        real = [replicate(market, 10_000 + seed, effect=0.026, **limits) for seed in range(count)]
        none = [replicate(market, 20_000 + seed, effect=0.0, **limits) for seed in range(count)]
        row: dict[str, object] = {"limits": name}
        for what in ("rate", "money"):
            inside = [getattr(r, what).low <= getattr(r, f"{what}_truth") <= getattr(r, what).high for r in real]
            row[f"{what}_coverage"] = float(np.mean(inside))
            row[f"{what}_false_alarms"] = float(np.mean([getattr(r, what).excludes_zero for r in none]))
        found.append(row | {"seconds": round(time.perf_counter() - started, 1)})
    return found


def lift_of(rows: int) -> dict[str, object]:
    """Every metric over `rows` outcomes: the lake sums, tea-tasting judges. The peer sums money in one statement."""
    import duckdb
    from sqlglot import exp

    from limner.flow.measures.arms import arm_of, columns_of_metrics, sums, units
    from limner.flow.measures.base import METRICS
    from limner.store.lake.dialects import write

    connection = duckdb.connect()
    connection.execute(_TABLE.format(rows=rows))
    columns = columns_of_metrics()
    started = time.perf_counter()
    rows_of = exp.select("*").from_("outcomes")
    connection.execute("SELECT count(*), count(DISTINCT number) FROM outcomes").fetchall()
    query = sums(units(rows_of, columns, is_single=True), columns)
    answers = connection.execute(write(query, "duckdb")).to_arrow_table().to_pylist()
    arms = {row["arm"]: arm_of(row, columns) for row in answers}
    summed = time.perf_counter() - started
    for _, kind in METRICS:
        kind().compare(arms["granted"], arms["held_out"], level=0.95)
    whole = time.perf_counter() - started
    started = time.perf_counter()
    connection.execute(_PEER).fetchall()
    peer = time.perf_counter() - started
    return {
        "rows": rows,
        "metrics": len(list(METRICS)),
        "sum_seconds": round(summed, 2),
        "seconds": round(whole, 2),
        "peer_seconds": round(peer, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


_TABLE = """
CREATE TABLE outcomes AS
SELECT 'e' AS experiment, 'c' AS campaign, i::INT AS number, true AS is_complete, 'sms' AS channel,
  CASE WHEN hash(i) % 10 = 0 THEN 'held_out' ELSE 'granted' END AS arm,
  true AS is_handed_over, hash(i, 1) % 100 < 95 AS is_delivered, hash(i, 2) % 100 < 30 AS is_opened,
  hash(i, 3) % 100 < 9 AS is_clicked, hash(i, 4) % 100 < 8 AS is_converted,
  hash(i, 4) % 100 < 1 AS is_returned,
  hash(i, 4) % 100 < 8 AS is_ripe,
  hash(i, 5) % 1000 < 3 AS is_opted_out, hash(i, 6) % 10000 < 3 AS is_complained,
  (CASE WHEN hash(i, 4) % 100 < 8 THEN 1 ELSE 0 END)::BIGINT AS orders, 0::BIGINT AS uncosted,
  m AS revenue, 0::DECIMAL(18, 4) AS refunds, m AS margin, 0::DECIMAL(18, 4) AS benefit,
  0.05::DECIMAL(18, 4) AS contact_cost, (m - 0.05)::DECIMAL(18, 4) AS money
FROM (SELECT i, (CASE WHEN hash(i, 4) % 100 < 8 THEN hash(i, 7) % 40000 / 100 ELSE 0 END)::DECIMAL(18, 4) AS m
      FROM range({rows}) t(i))
"""
_PEER = "SELECT arm, count(*), avg(money), var_samp(money), avg(is_converted::INT) FROM outcomes GROUP BY arm"


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    asked = parser.parse_args()
    started = time.perf_counter()
    import tea_tasting

    opened = time.perf_counter() - started
    document = {
        "tea_tasting": tea_tasting.__version__,
        "import_seconds": round(opened, 2),
        "lift": lift_of(asked.rows) if asked.rows else None,
        "replicates": replicates(asked.replicates) if asked.replicates else None,
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
