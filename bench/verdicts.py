"""Verdicts on forty markets: 种草未拔 works, 老客上新礼 loses money, 沉睡唤醒 works — how often are all three right?

A market of 120,000 members per seed, files in the plain format, the whole circle up to the first measurement.
Usage: python bench/verdicts.py [--seeds 40] [--first 101] [--customers 120000] [--json]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from limner.edge.demo.play import demo

EXPECTED = {"wavering": "works", "new-arrivals": "loses_money", "wake-up": "works"}


def main() -> None:
    """Play every seed and count."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=101)
    parser.add_argument("--customers", type=int, default=120_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for seed in range(asked.first, asked.first + asked.seeds):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            played = demo(folder=Path(folder) / "shop", customers=asked.customers, seed=seed, formats="plain", waves=1)
        wave = played.waves[0]
        found = {name: str(one.verdict) for name, one in wave.measured.items()}
        adds_up = all(p.granted + p.held_out + sum(p.refused.values()) == p.audience for p in wave.plans)
        rows.append({"seed": seed, **found, "right": found == EXPECTED, "adds_up": adds_up})
        if not asked.json:
            sums = "adds up" if adds_up else "DOES NOT ADD UP"
            print(seed, found, sums, f"{time.perf_counter() - began:.0f} s", flush=True)
    right = sum(row["right"] for row in rows)
    result = {"seeds": len(rows), "right": right, "adds_up": all(row["adds_up"] for row in rows), "rows": rows}
    sums = "all plans add up" if result["adds_up"] else "some plans DO NOT ADD UP"
    said = f"all three right on {right} of {len(rows)} seeds; {sums}"
    print(json.dumps(result, ensure_ascii=False) if asked.json else said)


if __name__ == "__main__":
    main()
