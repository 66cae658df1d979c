"""Erasing one of N customers: every store masked, rewritten, and searched.

Run `python bench/erase.py` (100 k and 1 M customers) or `--customers 10000000`. The stores are made directly: per
customer 3 identifiers, 5 pairs, 2 traits and 10 events that lie in as many loads, one consent, two addresses; two
versions of the gallery with 60 columns, five of them text. The erasure is that of `privacy erase`, by member number.
Limit: 10 s for one of 10 M until nothing can be read any more; the proof's own time stands beside it.
"""

from __future__ import annotations

import argparse
import math
import resource
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from limner.app.opening import make
from limner.app.workspace import Workspace
from limner.core.ids import identifier_hashes
from limner.store.ledger import views
from limner.store.ledger.bulk import insert_rows
from limner.store.ledger.columns import micros
from limner.store.ledger.tables import consents
from limner.store.ledger.views import Published

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")
BATCH = 1_000_000
KINDS = ("member_no", "phone", "email")
VAULTED = 200_000
"""Customers whose addresses lie in the vault: a lookup by key does not tell how many others there are."""


def raw(kind: str, n: int) -> str:
    return {"member_no": f"M{n}", "phone": f"+86139{n:08}", "email": f"m{n}@example.com"}[kind]


def batches(count: int):
    for first in range(0, count, BATCH):
        yield first, np.arange(first, min(first + BATCH, count), dtype=np.int64)


def append(shop: Workspace, table: str, batch: str, rows: pa.Table, **filled: object) -> None:
    shop.stores.lake.append_many(table, [(batch, rows, 1)], filled={"received_at": NOW, **filled})


def identifiers(shop: Workspace, customers: int) -> None:
    """Customer n has the traces 3 n + 1, 3 n + 2 and 3 n + 3."""
    for first, numbers in batches(customers):
        for place, kind in enumerate(KINDS):
            marks = identifier_hashes(shop.stores.hash_key, kind, [raw(kind, n) for n in numbers.tolist()])
            trace = pa.array(numbers * 3 + 1 + place, pa.int32())
            mark = pa.array(marks, pa.binary())
            append(shop, "traces", f"t{place}-{first}", pa.table({"hash": mark, "trace": trace}), kind=kind)
            columns = {"trace": trace, "hash": mark, "with_trace": pa.array(numbers * 3 + 1, pa.int32())}
            append(
                shop,
                "identifiers",
                f"i{place}-{first}",
                pa.table(columns),
                kind=kind,
                strength="strong",
                happened_at=NOW,
            )
        own = pa.array(numbers * 3 + 1, pa.int32())
        for name in ("city", "name"):
            text = pa.array([f"{name}{n % 300_000}" for n in numbers.tolist()])
            append(
                shop, "traits", f"{name}-{first}", pa.table({"trace": own, "text": text}), name=name, happened_at=NOW
            )
        append(shop, "mints", f"m-{first}", pa.table({"trace": own, "number": pa.array(numbers + 1, pa.int32())}))
    trace = np.arange(customers * 3, dtype=np.int32)
    links = {"trace": trace + 1, "number": trace // 3 + 1, "is_identified": np.ones(trace.size, bool)}
    shop.stores.lake.publish("links", "bench", pa.table(links))


def events(shop: Workspace, customers: int, rng: np.random.Generator) -> None:
    """Ten events a customer; a load holds a million of them, of customers all over."""
    total = customers * 10
    for first in range(0, total, BATCH):
        many = min(BATCH, total - first)
        owner = rng.integers(0, customers, many)
        day = rng.integers(20_000, 20_600, many)
        columns = {
            "trace": pa.array(owner * 3 + 1, pa.int32()),
            "happened_at": pa.array(day * 86_400_000_000, pa.int64()).cast(STAMP),
            "day": pa.array(day, pa.int32()),
            "hour": pa.array(rng.integers(0, 24, many), pa.int8()),
            "order_id": pa.array([f"O{n}" for n in range(first, first + many)]),
            "item_id": pa.array([f"I{n}" for n in rng.integers(0, 5_000, many).tolist()]),
            "amount": pa.array(rng.integers(1, 500, many), pa.int32()).cast(pa.decimal128(18, 4)),
        }
        append(shop, "events", f"e-{first}", pa.table(columns), name="Order Completed", via="pos", is_history=False)


def gallery(shop: Workspace, customers: int, rng: np.random.Generator) -> None:
    draft = shop.stores.gallery.draft()
    size = customers + 1
    for i in range(55):
        draft.put(f"tag_{i}", rng.integers(0, 1_000, size), type="int")
    for i in range(5):
        column = pa.array([f"w{n}" for n in range(300)]).take(pa.array(rng.integers(0, 300, size)))
        draft.put_arrow(f"word_{i}", column)
    living = BitMap()
    living.add_range(1, size)
    draft.put_living(living)
    base = draft.seal("one")
    draft = shop.stores.gallery.draft(base)
    draft.put("tag_0", rng.integers(0, 1_000, size), type="int")
    draft.seal("two")


def ledger(shop: Workspace, customers: int) -> None:
    rows = (
        (n + 1, 1, "bench", "member_no", bytes(16), 3 * n + 1, "sms", "marketing", True, micros(NOW), micros(NOW), "")
        for n in range(customers)
    )
    names = ("seq", "load", "source", "kind", "hash", "trace", "channel", "purpose", "is_granted", "happened_at",
             "received_at", "proof")  # fmt: skip
    with shop.stores.ledger.write() as connection:
        insert_rows(connection, consents, names, rows)
        for name, version, body in (("lake:links", "bench", {}), ("gallery", "two", {"links": "bench", "base": "one"})):
            views.publish(connection, shop.stores.ledger, Published(name, version, NOW, 0, NOW, body))
    step = max(1, customers // VAULTED)
    for place, kind in enumerate(KINDS[1:], 2):
        shop.stores.vault.put(kind, {3 * n + place: raw(kind, n) for n in range(0, customers, step)})


def measured(customers: int, home: Path) -> tuple[float, float]:
    """Seconds of an erasure and of its proof, median of three customers."""
    rng = np.random.default_rng(7)
    folder = make(home / f"shop-{customers}")
    with Workspace(folder, clock=lambda: NOW) as shop:
        began = time.perf_counter()
        identifiers(shop, customers)
        events(shop, customers, rng)
        gallery(shop, customers, rng)
        ledger(shop, customers)
        made = time.perf_counter() - began
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{customers:>12,} customers made in {made:,.0f} s, {size / 1e9:.2f} GB", file=sys.stderr)
        erased, proved, whole, busy = [], [], [], []
        step = max(1, customers // VAULTED)
        for turn in range(3):
            began, worked = time.perf_counter(), time.process_time()
            done = shop.privacy.erase(f"member_no:M{step * (customers // step // 2 + turn)}", yes=True)
            whole.append(time.perf_counter() - began)
            busy.append(time.process_time() - worked)
            if done.proof is None or not done.proof.is_clean:
                raise SystemExit(f"not clean: {done.proof}")
            erased.append(whole[-1] - done.proof.seconds)
            proved.append(done.proof.seconds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        times = (
            f"erase {sorted(erased)[1]:6.2f} s  proof {sorted(proved)[1]:7.2f} s  processor {sorted(busy)[1]:6.2f} s"
        )
        print(f"{customers:>12,}  {times}  peak {peak:,.0f} MiB", flush=True)
    shutil.rmtree(folder)
    return sorted(erased)[1], sorted(proved)[1]


def main() -> None:
    reading = argparse.ArgumentParser()
    reading.add_argument("--customers", type=int, nargs="*", default=[100_000, 1_000_000])
    sizes = reading.parse_args().customers
    home = Path(tempfile.mkdtemp(prefix="limner-erase-"))
    try:
        found = [(size, *measured(size, home)) for size in sizes]
    finally:
        shutil.rmtree(home, ignore_errors=True)
    for (a, first, _), (b, last, _) in pairwise(found):
        print(f"growth exponent {a:,} to {b:,}: {math.log(last / first) / math.log(b / a):.2f}")


if __name__ == "__main__":
    main()
