"""What it costs to bring live events into the lake: decoded, known again, given traces, checked, written.

Batches of 100 events as a Segment client sends them, straight into the stream and then drained by one process, at three
sizes; what came in is held against what was sent.

    python bench/drain.py [--events 20000 200000 2000000]
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
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlglot import exp

from intake import body
from limner.app.intake import drain
from limner.app.opening import make
from limner.app.workspace import Workspace
from limner.store.stream import Envelope
from limner.store.stream.envelope import packed

BATCH, TOGETHER = 100, 50
NOW = datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC)


def spool(shop: Workspace, events: int) -> None:
    """Put batches of events into the stream, one in a hundred of them twice."""
    writer = shop.stores.stream.writer()
    stamp = int(NOW.timestamp() * 1e6)
    waiting = []
    for turn in range(events // BATCH):
        one = packed(Envelope(stamp, "web", "segment", "POST /v1/batch", "bench", "203.0.113.7", body(BATCH, turn)))
        waiting += [one] * (2 if turn % 100 == 7 else 1)
        if len(waiting) >= TOGETHER:
            writer.write(waiting)
            waiting = []
    if waiting:
        writer.write(waiting)
    writer.close()


def one(folder: Path, events: int) -> dict[str, Any]:
    """Spool and drain; what was measured."""
    home = make(folder / "shop")
    (home / "sources").mkdir()
    (home / "sources" / "web.yaml").write_text("id: web\nlive: {}\n", encoding="utf-8")
    with Workspace(home, clock=lambda: NOW) as shop:
        shop.apply()
        spool(shop, events)
        start, used = time.perf_counter(), time.process_time()
        found = drain(shop)
        took, spent = time.perf_counter() - start, time.process_time() - used
        rows = shop.stores.lake.table(exp.select("count(*) AS n").from_("events"))["n"][0].as_py()
    twice = sum(1 for turn in range(events // BATCH) if turn % 100 == 7) * BATCH
    assert rows == events
    assert found.counts.rejected.get("duplicate event", 0) == twice
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"events": events, "seconds": round(took, 2), "processor": round(spent, 2), "peak_mib": round(peak)}


def main() -> None:
    """Sizes in turn, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="*", default=[20_000, 200_000, 2_000_000])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(one(given.folder, given.events[0])))
        return
    found = []
    for events in given.events:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--events", str(events), "--folder", folder]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found.append(json.loads(done.stdout))
        last = found[-1]
        print(
            f"{events:>12,} events  {last['seconds']:>8.1f} s  {events / last['seconds']:>9,.0f} events/s  "
            f"{last['processor'] / events * 1e6:>6.1f} µs of a core each  {last['peak_mib']:>6,} MiB",
            flush=True,
        )
    for before, after in pairwise(found):
        grown = math.log(after["seconds"] / before["seconds"]) / math.log(after["events"] / before["events"])
        print(f"from {before['events']:,} to {after['events']:,} events time grows with the exponent {grown:.2f}")


if __name__ == "__main__":
    main()
