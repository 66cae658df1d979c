"""Connected components of identifiers, a batch on top, and the whole station; against SciPy on the same arrays.

Run `python bench/identity.py` (30 M pairs against SciPy at 1 %, 10 % and all of it; 100 M pairs without a peer), or
`--station` for `resolve` on a workspace of `--customers`, whole and on top of yesterday's links.
Limits: at most 2.0 times SciPy at 30 M pairs; 100 M pairs in 90 s and 8 GiB; a batch of 1 M pairs on top in 5 s.
Each side runs in a process of its own. The graph: people of six identifiers each, numbered at random, and pairs
drawn within each person; half a percent of pairs join two people.
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

import numpy as np

PER_PERSON = 6
ASTRAY = 0.005
BATCH = 10_000
"""Records on top of the station's links, however many there are."""
CHECKED = 30_000_000
"""Up to this size a batch on top is held against a full rebuild."""


def graph(pairs: int, seed: int = 1) -> tuple[int, np.ndarray, np.ndarray]:
    """The number of nodes and the two ends of pairs."""
    rng = np.random.default_rng(seed)
    people = max(pairs // (2 * PER_PERSON), 2)
    owner = rng.integers(0, people, pairs, dtype=np.int32)
    low = owner * PER_PERSON + rng.integers(0, PER_PERSON, pairs, dtype=np.int32)
    astray = rng.random(pairs, dtype=np.float32) < ASTRAY
    owner[astray] = rng.integers(0, people, int(astray.sum()), dtype=np.int32)
    high = owner * PER_PERSON + rng.integers(0, PER_PERSON, pairs, dtype=np.int32)
    name = rng.permutation(people * PER_PERSON).astype(np.int32)
    return name.size, name[low], name[high]


def ours(pairs: int) -> dict[str, float]:
    """Seconds for all pairs, and for a batch of a hundredth (at most 1 M) on top."""
    from limner.maths.components import components, joined

    nodes, low, high = graph(pairs)
    start = time.perf_counter()
    label = components(nodes, low, high)
    spent = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    roots = int(np.unique(label).size)
    rng = np.random.default_rng(2)
    batch = min(max(pairs // 100, 1), 1_000_000)
    more = rng.integers(0, nodes, (2, batch), dtype=np.int32)
    start = time.perf_counter()
    on_top = joined(label, more[0], more[1])
    again = time.perf_counter() - start
    if pairs <= CHECKED:
        whole = components(nodes, np.concatenate([low, more[0]]), np.concatenate([high, more[1]]))
        if (on_top != whole).any():
            raise SystemExit("a batch on top differs from a full rebuild")
    return {"seconds": spent, "batch": batch, "batch_seconds": again, "customers": roots, "peak_mib": peak}


def scipy_side(pairs: int) -> dict[str, float]:
    """Seconds of scipy.sparse.csgraph.connected_components on the same arrays, its matrix included."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes, low, high = graph(pairs)
    start = time.perf_counter()
    count, _ = connected_components(coo_array((np.ones(pairs, np.int8), (low, high)), (nodes, nodes)), directed=False)
    spent = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": spent, "customers": count, "peak_mib": peak}


def station(customers: int) -> dict[str, float]:
    """Seconds of `resolve` out of the lake's files: all customers, then with `BATCH` more records on top."""
    from dataclasses import replace
    from datetime import UTC, datetime, timedelta

    from limner.app.opening import make, open_stores, settings_of
    from limner.core.actor import OWNER
    from limner.flow.identity import resolve

    now = datetime(2026, 9, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        home = make(Path(folder) / "shop")
        stores = open_stores(home, settings_of(home, {}))
        rows = records(customers, now - timedelta(days=300))
        stores.lake.append("identifiers", "base", rows, load=1)
        start = time.perf_counter()
        first = resolve(stores, "first", who=OWNER, asof=now, now=now)
        spent = time.perf_counter() - start
        more = records(BATCH, now - timedelta(days=2), phones=customers)
        stores.lake.append("identifiers", "day", more, load=2)
        start = time.perf_counter()
        second = resolve(stores, "second", who=OWNER, asof=now, now=now)
        again = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        full = replace(resolve(stores, "full", who=OWNER, asof=now, now=now, afresh=True), version="second")
        if replace(full, looked_at=0, merged=0) != replace(second, looked_at=0, merged=0):
            raise SystemExit("what was looked at again differs from a full rebuild")
        stores.close()
    return {
        "rows": rows.num_rows, "seconds": spent, "batch": more.num_rows, "batch_seconds": again,
        "looked_at": second.looked_at, "customers": first.customers, "peak_mib": peak,
    }  # fmt: skip


def records(people: int, moment: object, phones: int = 0):
    """Rows of identifiers: a member number, a phone and a device of each. Later ones: each has the phone of one of the
    `phones` known, drawn from all of them."""
    import pyarrow as pa

    owner = np.arange(people, dtype=np.int64)
    member = (owner + phones) * 3 + 1
    phone = (np.random.default_rng(3).choice(phones, people, replace=False) if phones else owner) * 3 + 2
    device = member + 2
    trace = np.concatenate([member, phone, device]).astype(np.int32)
    kind = np.repeat(np.array([0, 1, 2], np.int8), people)
    names = pa.array(["unionid", "phone", "cookie"])
    return pa.table(
        {
            "trace": trace,
            "with_trace": np.tile(member, 3).astype(np.int32),
            "kind": pa.DictionaryArray.from_arrays(pa.array(kind), names).cast(pa.string()),
            "hash": pa.array(trace.astype("<i8").repeat(2).view("S16").tolist(), pa.binary()),
            "happened_at": pa.repeat(pa.scalar(moment, pa.timestamp("us", tz="UTC")), trace.size),
        }
    )


def measured(side: str, size: int) -> dict[str, float]:
    """One side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--pairs", str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


SIDES = {"ours": ours, "scipy": scipy_side, "station": station}


def main() -> None:
    """Measure both sides at three sizes and ours at the largest; print a table or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30_000_000)
    parser.add_argument("--largest", type=int, default=100_000_000, help="0: leave it out")
    parser.add_argument("--customers", type=int, default=3_000_000)
    parser.add_argument("--station", action="store_true")
    parser.add_argument("--side", choices=tuple(SIDES))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps({name: round(value, 3) for name, value in SIDES[arguments.side](arguments.pairs).items()}))
        return
    if arguments.station:
        sizes = (arguments.customers // 100, arguments.customers // 10, arguments.customers)
        show([{"pairs": size, "ours": measured("station", size)} for size in sizes], is_json=arguments.json)
        return
    rows = []
    for pairs in (arguments.pairs // 100, arguments.pairs // 10, arguments.pairs):
        sides = {side: measured(side, pairs) for side in ("scipy", "ours")}
        if sides["scipy"]["customers"] != sides["ours"]["customers"]:
            raise SystemExit("the two sides count differently")
        rows.append({"pairs": pairs, **sides, "ratio": round(sides["ours"]["seconds"] / sides["scipy"]["seconds"], 2)})
    if arguments.largest:
        rows.append({"pairs": arguments.largest, "ours": measured("ours", arguments.largest)})
    show(rows, is_json=arguments.json)


def growth(rows: list[dict]) -> float:
    """The exponent by which time grows from the smallest to the largest size."""
    first, last = rows[0], rows[-1]
    return math.log(last["ours"]["seconds"] / first["ours"]["seconds"]) / math.log(last["pairs"] / first["pairs"])


def show(rows: list[dict], *, is_json: bool) -> None:
    """Print the result."""
    if is_json:
        print(json.dumps({"sizes": rows, "exponent": round(growth(rows), 3), "limit_ratio": 2.0, "limit_batch": 5.0}))
        return
    print(
        f"{'size':>12} {'ours':>9} {'SciPy':>9} {'ratio':>6} {'batch':>10} {'on top':>9} {'peak MiB':>9} {'SciPy MiB':>9}"
    )
    for row in rows:
        own, peer = row["ours"], row.get("scipy")
        other = f"{peer['seconds']:>7.2f} s {row['ratio']:>6.2f}" if peer else f"{'':>9} {'':>6}"
        print(
            f"{row['pairs']:>12,} {own['seconds']:>7.2f} s {other} {own['batch']:>10,.0f} {own['batch_seconds']:>7.2f} s "
            f"{own['peak_mib']:>9.0f} {peer['peak_mib'] if peer else 0:>9.0f}"
        )
    print(f"growth exponent {growth(rows):.2f}")


if __name__ == "__main__":
    main()
