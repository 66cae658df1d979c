"""An index for each node of the default taxonomy (711 nodes, 313 of them on the fourth level), from events to columns.

Run `python bench/tree.py` (sizes: `--customers 100000 --events 2000000 --steps 1 10 100`). Each size is computed from all
events, then a fortieth of them comes in, of the next day and of all customers, and is added to the sums that were kept;
`--check` computes that day from all events too and compares. Every step runs in a process of its own, at most 2.5 GiB of
it the engine's. Prints seconds, of the clock and of the processors, peak memory, how many sums are kept, what they weigh,
milliseconds of rules on nodes, and the exponents of growth between sizes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyroaring import BitMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from limner.store.gallery import Version

ASOF = datetime(2026, 8, 30, 16, tzinfo=UTC)
DAY = timedelta(days=1)
AT_ONCE = 2_000_000

EVENTS = """
SELECT
  CASE WHEN pick < 70 THEN 'Product Viewed' WHEN pick < 85 THEN 'Product Favorited' ELSE 'Product Added' END AS name,
  make_timestamptz($asof + $later - 1 - past) AS happened_at,
  CAST(20695 + ceil(($later - past) / 86400000000.0) AS int) AS day,
  CAST(hash(i + 3) % $customers::ubigint AS int) AS trace,
  'bench' AS source,
  p.path AS category
FROM (
  SELECT range AS i, hash(range) % 100 AS pick, (hash(range + 1) % $span::ubigint)::bigint AS past
  FROM range($first, $last)
) AS e
JOIN paths AS p ON p.place = CAST(floor(pow((hash(e.i + 5) % 1000000) / 1000000.0, 2) * $paths) AS int)
"""

TWO_YEARS = 63_072_000_000_000
ONE_DAY = 86_400_000_000


def fill(folder: Path, customers: int, first: int, last: int, *, is_next_day: bool) -> None:
    """Events of two years over the leaves of the tree, some leaves far more often than others; or those of the next
    day. One link a customer."""
    from limner.flow.tags.taxonomies import built_in
    from tags import stores_at

    stores = stores_at(folder)
    leaves = [node.path for node in built_in().nodes if node.level == 4]
    cursor = stores.lake.cursor()
    cursor.register("paths", pa.table({"place": pa.array(range(len(leaves)), pa.int32()), "path": leaves}))
    later, span = (ONE_DAY, ONE_DAY) if is_next_day else (0, TWO_YEARS)
    when = {"later": later, "span": span, "asof": int(ASOF.timestamp()) * 1_000_000}
    for start in range(first, last, AT_ONCE):
        given = {"first": start, "last": min(start + AT_ONCE, last), "customers": customers, "paths": len(leaves)}
        rows = cursor.execute(EVENTS, {**given, **when}).to_arrow_table()
        stores.lake.append("events", f"bench:{start}", rows, load=1)
    if not is_next_day:
        numbers = pa.array(range(customers), pa.int32())
        known = pa.array([True] * customers, pa.bool_())
        stores.lake.publish("links", "bench", pa.table({"trace": numbers, "number": numbers, "is_identified": known}))
    stores.close()


def compute(folder: Path, customers: int, name: str, former: str, asof: datetime) -> dict[str, Any]:
    """Seconds to write all columns, synced, with or without sums to add to; peak memory; what the sums weigh."""
    from limner.core.actor import OWNER
    from limner.core.ours import Tag
    from limner.flow.tags.tag import tag
    from limner.store.definitions import Definitions
    from tags import stores_at

    stores = stores_at(folder)
    asked = Tag("hobby", kind="interest_tree", type="float", options={"taxonomy": "default"})
    definitions = Definitions({"tags": {"hobby": asked}}, {})
    start, worked = time.perf_counter(), _worked()
    draft = stores.gallery.draft()
    draft.put_living(BitMap(range(customers)), customers)
    before = stores.gallery.version(former) if former else None
    done = tag(stores, definitions, draft, who=OWNER, asof=asof, links="bench", only=["hobby"], former=before)
    version = draft.seal(name)
    seconds = time.perf_counter() - start
    sums = version.column("hobby.旅游").sums
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "pass": done.passes["hobby"],
        "seconds": round(seconds, 2),
        "processor_seconds": round(_worked() - worked, 2),
        "peak_mib": round(peak),
        "runs": [run.entries for run in sums.runs],
        "sums_mib": round(sum(run.entries for run in sums.runs) * 12 / 2**20),
    }


def _worked() -> float:
    """Seconds of processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ask(folder: Path) -> dict[str, Any]:
    """Processor milliseconds of a comparison on a node of each level, read for the first time and again with another bound."""
    from tags import stores_at

    stores = stores_at(folder)
    version = stores.gallery.version("more")
    paths = ("旅游", "旅游/机票", "旅游/机票/国内机票")
    found = {path: [_asked(version, f"hobby.{path}", bound) for bound in (0.5, 0.7, 0.9)] for path in paths}
    leaf = next(n for n, h in version.headers.items() if n.count("/") == 3 and h.entries)
    found[leaf.removeprefix("hobby.")] = [_asked(version, leaf, bound) for bound in (0.5, 0.7, 0.9)]
    return {"rule_ms": found, "entries": {path: version.headers[f"hobby.{path}"].entries for path in found}}


def _asked(version: Version, column: str, bound: float) -> float:
    """Milliseconds of processor time of one comparison, nothing of it cached; other work on the machine leaves it."""
    from decimal import Decimal

    from limner.core.rule import Compare
    from limner.store.gallery import evaluate

    rule = Compare(column, ">", Decimal(str(bound)))
    start = time.process_time()
    evaluate(rule, version)
    return round((time.process_time() - start) * 1000, 1)


def rules(folder: Path, customers: int) -> dict[str, Any]:
    """Processor milliseconds of comparisons over as many customers, on nodes of one, three and seventeen leaves, 5 % of the
    customers with a sum on each leaf, in a large run and one of a fortieth; the median of five bounds. The other side
    is a dense column of eight bytes per customer."""
    from limner.store.gallery import Gallery
    from limner.store.gallery.sums import Sums

    rng, codes = np.random.default_rng(5), 17
    draft = Gallery(folder).draft()
    draft.put_living(BitMap(range(customers)), customers)

    def sums_of(share: float) -> Iterator[tuple[int, tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]]]:
        for code in range(codes):
            numbers = np.flatnonzero(rng.random(customers, np.float32) < share).astype(np.int32)
            yield code, (numbers, rng.integers(1, 1 << 35, numbers.size))

    runs = tuple(draft.put_run(name, sums_of(share), codes) for name, share in (("many", 0.05), ("few", 0.05 / 40)))
    nodes = {"one": (0, 1), "three": (0, 3), "seventeen": (0, codes)}
    draft.put_sums("tree.sums.json", Sums(draft.folder, runs, (1.5,) * codes), nodes)
    draft.put("dense", rng.random(customers), type="float")
    version = draft.seal("rules")
    bounds = (0.1, 0.3, 0.5, 0.7, 0.9)
    return {name: sorted(_asked(version, name, bound) for bound in bounds)[2] for name in version.headers}


def compare(folder: Path) -> dict[str, Any]:
    """Whether the sums that were added to answer as those of all events do."""
    from tags import stores_at

    stores = stores_at(folder)
    mine, theirs = (stores.gallery.version(name) for name in ("more", "batch"))
    same = all(
        left.tobytes() == right.tobytes()
        for name in mine.headers
        for left, right in zip(mine.column(name).entries(), theirs.column(name).entries(), strict=True)
    )
    return {"is_same": same}


def measured(side: str, folder: Path, customers: int, events: int) -> dict[str, Any]:
    """One step in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    command += ["--customers", str(customers), "--events", str(events)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def side(name: str, folder: Path, customers: int, events: int) -> dict[str, Any]:
    """The work of one step."""
    match name:
        case "fill":
            start = time.perf_counter()
            fill(folder, customers, 0, events, is_next_day=False)
            return {"seconds": round(time.perf_counter() - start, 1)}
        case "day":
            fill(folder, customers, events, events + events // 40, is_next_day=True)
            return {}
        case "all":
            return compute(folder, customers, "all", "", ASOF)
        case "more":
            return compute(folder, customers, "more", "all", ASOF + DAY)
        case "batch":
            return compute(folder, customers, "batch", "", ASOF + DAY)
        case "ask":
            return ask(folder)
        case _:
            return compare(folder)


def growth(rows: list[dict[str, Any]]) -> None:
    """The exponent of each step against the one before it, by events."""
    for last, row in itertools.pairwise(rows):
        times = math.log(row["events"] / last["events"])
        row["exponents"] = {
            f"{step} {unit}": round(math.log(row[step][unit] / last[step][unit]) / times, 2)
            for step in ("all", "more")
            for unit in ("seconds", "processor_seconds")
        }


def main() -> None:
    """Fill and compute each size, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rules", type=int, help="time rules over so many customers instead")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--side")
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(side(arguments.side, arguments.folder, arguments.customers, arguments.events)))
        return
    if arguments.rules:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
            print(json.dumps(rules(Path(temporary), arguments.rules)))
        return
    rows: list[dict[str, Any]] = []
    for step in arguments.steps:
        customers, events = arguments.customers * step, arguments.events * step
        row: dict[str, Any] = {"customers": customers, "events": events}
        with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
            folder = Path(temporary) / "shop"
            for name in ("fill", "all", "day", "more", "ask", *(("batch", "compare") if arguments.check else ())):
                row[name] = measured(name, folder, customers, events)
                print(json.dumps({"customers": customers, name: row[name]}), file=sys.stderr, flush=True)
        rows.append(row)
    growth(rows)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
