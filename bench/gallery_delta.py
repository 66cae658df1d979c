"""A day's delta into 30 columns of 10 M customers, synced to disk; and one customer's 300 columns.

Run `python bench/gallery_delta.py`. The delta changes 2 % of the customers in every column and seals a version. The
peer writes the same delta by a MERGE into a wide DuckDB table. Limits: 3 s for the delta, 1 ms for the row.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from pyroaring import BitMap

from limner.store.gallery import Gallery

KINDS = (("int", 100), ("int", 100), ("int", 1_000), ("float32", 1), ("bool", 2), ("money", 10**7), ("int", 100))
"""Type and range of the columns, taken in turn: what a shop's tags look like (counts, days, shares, flags, money)."""


def values(kind: str, most: int, many: int, rng: np.random.Generator) -> np.ndarray:
    """Random answers of one kind."""
    if kind == "float32":
        return rng.random(many, np.float32)
    if kind == "bool":
        return rng.random(many) < 0.3
    return rng.integers(0, most, many)


def build(gallery: Gallery, customers: int, columns: int, rng: np.random.Generator) -> None:
    """The base version."""
    draft = gallery.draft()
    for i in range(columns):
        kind, most = KINDS[i % len(KINDS)]
        draft.put(f"tag_{i}", values(kind, most, customers, rng), type=kind.removesuffix("32"))
    draft.put_living(BitMap(range(customers)))
    draft.seal("base")


def delta(gallery: Gallery, customers: int, columns: int, name: str, rng: np.random.Generator) -> dict[str, float]:
    """Seconds of a delta from the base to a sealed version, and the bytes it wrote."""
    changed = np.sort(rng.choice(customers, customers // 50, replace=False))
    fresh = [values(*KINDS[i % len(KINDS)], changed.size, rng) for i in range(columns)]
    base = gallery.version("base")
    start = time.perf_counter()
    draft = gallery.draft(base)
    for i, answers in enumerate(fresh):
        draft.patch(f"tag_{i}", changed, answers)
    written = time.perf_counter() - start
    version = draft.seal(name)
    seconds = time.perf_counter() - start
    spot = int(changed[7])
    for i, answers in enumerate(fresh):
        if KINDS[i % len(KINDS)][0] == "int" and version.column(f"tag_{i}").value(spot) != int(answers[7]):
            raise SystemExit("the delta is not there")
    size = sum((version.folder / h.file).stat().st_size for h in version.headers.values())
    return {"seconds": seconds, "write_seconds": written, "mib": size / 2**20}


def merge(folder: Path, gallery: Gallery, customers: int, columns: int, rng: np.random.Generator) -> float:
    """Seconds of the same delta as an update of a wide DuckDB table, with its checkpoint."""
    import duckdb

    from limner.store.gallery.table import to_arrow

    connection = duckdb.connect(str(folder / "wide.duckdb"), config={"threads": 2})
    connection.register("columns", to_arrow(gallery.version("base")))
    connection.execute("CREATE TABLE wide AS SELECT * FROM columns")
    changed = np.sort(rng.choice(customers, customers // 50, replace=False)).astype(np.int32)
    import pyarrow as pa

    fresh = {f"tag_{i}": pa.array(values(*KINDS[i % len(KINDS)], changed.size, rng)) for i in range(columns)}
    connection.register("delta", pa.table({"number": changed, **fresh}))
    sets = ", ".join(
        f"tag_{i} = delta.tag_{i} / 10000.0" if KINDS[i % len(KINDS)][0] == "money" else f"tag_{i} = delta.tag_{i}"
        for i in range(columns)
    )
    start = time.perf_counter()
    connection.execute(f"UPDATE wide SET {sets} FROM delta WHERE wide.number = delta.number")
    connection.execute("CHECKPOINT")
    seconds = time.perf_counter() - start
    connection.close()
    return seconds


def raw_disk(folder: Path, mib: float) -> float:
    """Seconds to write and sync that many bytes with nothing else: the floor of any delta on this disk."""
    block = np.random.default_rng(0).bytes(1 << 20)
    start = time.perf_counter()
    with (folder / "raw").open("wb") as file:
        for _ in range(int(mib)):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    (folder / "raw").unlink()
    return seconds


def row(folder: Path, columns: int, rng: np.random.Generator) -> dict[str, float]:
    """Milliseconds to read one random customer: the first time with every file to open, and from then on."""
    gallery, customers = Gallery(folder), 1_000_000
    build(gallery, customers, columns, rng)
    start = time.perf_counter()
    gallery.version("base").row(5)
    first = (time.perf_counter() - start) * 1000
    spent = []
    for number in rng.integers(0, customers, 300).tolist():
        start = time.perf_counter()
        gallery.version("base").row(number)
        spent.append((time.perf_counter() - start) * 1000)
    return {"first_ms": first, "median_ms": float(np.median(spent)), "p99_ms": float(np.quantile(spent, 0.99))}


def main() -> None:
    """Measure and print a table or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        gallery = Gallery(folder / "gallery")
        build(gallery, arguments.customers, arguments.columns, rng)
        runs = []
        for k in range(arguments.times):
            runs.append(delta(gallery, arguments.customers, arguments.columns, f"day-{k}", rng))
            gallery.drop(f"day-{k}")
        found = min(runs, key=lambda run: run["seconds"])
        found["disk_seconds"] = raw_disk(folder, found["mib"])
        if not arguments.no_peer:
            found["peer_seconds"] = merge(folder, gallery, arguments.customers, arguments.columns, rng)
        one = row(folder / "row", 300, rng)
    whole = {
        "customers": arguments.customers, "columns": arguments.columns, "delta": found, "row_of_300": one,
        "limit_seconds": 3.0, "limit_ms": 1.0,
    }  # fmt: skip
    if arguments.json:
        print(json.dumps(whole))
        return
    print(
        f"delta of 2 % into {arguments.columns} columns of {arguments.customers:,} customers: {found['seconds']:.2f} s"
    )
    print(f"  writing {found['write_seconds']:.2f} s, {found['mib']:,.0f} MiB; bare disk {found['disk_seconds']:.2f} s")
    if "peer_seconds" in found:
        print(f"  a merge into a wide DuckDB table: {found['peer_seconds']:.2f} s")
    print(
        f"one customer's 300 columns: {one['median_ms']:.3f} ms (p99 {one['p99_ms']:.3f}, first {one['first_ms']:.1f})"
    )


if __name__ == "__main__":
    main()
