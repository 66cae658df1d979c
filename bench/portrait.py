"""The portrait of an audience over 300 tags, against the same counts by SQL on a wide DuckDB table.

Run `python bench/portrait.py` (10 M customers; also a hundredth and a tenth of it). First: the portrait that reads the
columns and keeps their codes. Then: portraits of other audiences of that version, each in a process of its own, so that
nothing but the kept codes is at hand. The peer answers the same question (each answer's count in the audience and in
all) from its own file, in its page cache, up to `--peer-most` customers. Limit at full size: at most 1 s.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap

if TYPE_CHECKING:
    from limner.flow.audiences import Ground
    from limner.store.gallery import Version

RULES = {"a tenth": "t000 < 10", "a half": "t001 < 50", "one in 200": "t002 == 0 and t003 <= 50"}
WORDS = tuple(f"w{place}" for place in range(40))
TAGS = 300


def held() -> float:
    """Memory of the process's own, in MiB: pages mapped from files are the kernel's to take back."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


class Peak:
    """The most memory of the process's own while the block runs."""

    def __enter__(self) -> Peak:
        self.most, self._is_over = held(), False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._is_over:
            self.most = max(self.most, held())
            time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()


def columns(customers: int) -> Iterator[tuple[str, str, np.ndarray, np.ndarray | None]]:
    """300 columns as shops have them: counts, amounts, shares, yes/no and text, some with unknown answers."""
    rng = np.random.default_rng(1)
    known = rng.random(customers, dtype=np.float32) < 0.7
    for place in range(TAGS):
        kind = ("int", "money", "float", "bool", "text")[place % 5] if place > 4 else "int"
        if kind == "int":
            values = rng.integers(0, 100, customers, dtype=np.int16)
        elif kind == "money":
            values = rng.integers(0, 10**8, customers)
        elif kind == "text":
            values = rng.integers(0, len(WORDS), customers, dtype=np.int8)
        else:
            values = rng.random(customers, dtype=np.float32)
        values = values < 0.2 if kind == "bool" else values
        yield f"t{place:03}", kind, values, known if place % 2 and place > 4 else None


def fill(folder: Path, customers: int, *, is_peer: bool) -> None:
    """The same answers as a gallery version and as a wide table in a DuckDB file."""
    from limner.store.gallery import Gallery
    from limner.store.gallery.encode import encode

    draft = Gallery(folder / "gallery").draft()
    for name, kind, values, known in columns(customers):
        draft.put_encoded(name, encode(name, kind, values, known, WORDS if kind == "text" else ()))  # type: ignore[arg-type]
    draft.put_living(BitMap(range(customers)))
    version = draft.seal("bench")
    if is_peer:
        widen(folder, version)


def widen(folder: Path, version: Version) -> None:
    """The columns as a table, some rows at a time."""
    import duckdb
    import pyarrow as pa

    from limner.store.gallery.bits import unpack

    connection = duckdb.connect(str(folder / "wide.duckdb"), config={"threads": 2, "memory_limit": "2GB"})
    for begin in range(0, version.size, 250_000):
        rows = slice(begin, min(begin + 250_000, version.size))
        arrays = {}
        for name, header in version.headers.items():
            column = version.column(name)
            is_bool = header.type == "bool"
            values = unpack(column.yes(version.size), version.size)[rows] if is_bool else column.values[rows]
            if header.type in ("money", "float"):
                values = values / 10_000 if header.type == "money" else values.astype(np.float64)
            empty = ~unpack(column.known(version.size), version.size)[rows] if header.has_nulls else None
            plain = pa.array(values, mask=empty)
            is_text = header.type == "text"
            arrays[name] = pa.DictionaryArray.from_arrays(plain, list(WORDS)).cast("string") if is_text else plain
        connection.register("part", pa.table(arrays))
        begun = "CREATE TABLE gallery AS" if begin == 0 else "INSERT INTO gallery"
        connection.execute(f"{begun} SELECT * FROM part")
    connection.close()


def ground(folder: Path) -> Ground:
    """What rules are read on."""
    from datetime import UTC, datetime

    from limner.core.rule import Lexicon, TagWord
    from limner.flow.audiences import Ground
    from limner.store.definitions import Definitions
    from limner.store.gallery import Gallery

    version = Gallery(folder / "gallery").version("bench")
    lexicon = Lexicon(tuple(TagWord(name, header.type) for name, header in version.headers.items()))
    return Ground(version, Definitions({}), lexicon, datetime(2026, 9, 1, tzinfo=UTC))


def ours(folder: Path, rule: str, times: int) -> dict[str, float]:
    """Seconds of portraits, the first and the best of the others, with what it counted."""
    from limner.core.actor import OWNER
    from limner.flow.audiences import portrait

    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        found = portrait(ground(folder), rule, who=OWNER)
        spent.append(time.perf_counter() - begun)
    return {
        "first_s": spent[0],
        "s": sorted(spent)[len(spent) // 2],
        "group": found.group,
        "answers": len(found.traits),
    }


def peer(folder: Path, rule: str, times: int) -> dict[str, float]:
    """Seconds of the same counts by one grouping per tag, each over its own column; buckets as ours."""
    import duckdb

    from limner.core.actor import OWNER
    from limner.flow.audiences import portrait

    traits = portrait(ground(folder), rule, who=OWNER).traits
    wanted = plain_sql(rule)
    by_column: dict[str, list] = {}
    for trait in traits:
        by_column.setdefault(trait.column, []).append(trait)
    asked = {}
    for name, told in by_column.items():
        cases = " ".join(f"WHEN {plain_sql(one.rule)} THEN {at}" for at, one in enumerate(told))
        asked[name] = (
            f"SELECT CASE {cases} END AS answer, count(*), count(*) FILTER (WHERE {wanted}) FROM gallery GROUP BY answer"
        )
    config = {"threads": 2, "memory_limit": "3GB"}
    connection = duckdb.connect(str(folder / "wide.duckdb"), read_only=True, config=config)
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        found = {
            name: {row[0]: row[1:] for row in connection.execute(query).fetchall()} for name, query in asked.items()
        }
        spent.append(time.perf_counter() - begun)
    same = [found[name][at] == (t.base, t.group) for name, told in by_column.items() for at, t in enumerate(told)]
    if not all(same):
        raise SystemExit(f"{same.count(False)} counts differ")
    return {"s": sorted(spent)[len(spent) // 2], "counts": len(same) * 2}


def plain_sql(rule: str) -> str:
    """A rule of comparisons as SQL; fractions as DOUBLE, so that nothing is rounded on the way."""
    return re.sub(r"(\d\.\d+)", r"\1e0", rule.replace("==", "=").replace('"', "'"))


def measured(side: str, folder: Path, customers: int, times: int, rule: str = "", *more: str) -> dict[str, float]:
    """One side in a process of its own, with its peak memory."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder), "--rule", rule]
    done = subprocess.run(
        [*command, "--customers", str(customers), "--times", str(times), *more], check=True, stdout=-1, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Fill, measure at three sizes, print a table or one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rule", default="")
    parser.add_argument("--side", choices=("fill", "ours", "peer"))
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--peer-most", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.side == "fill":
        fill(given.folder, given.customers, is_peer=not given.no_peer)
        print("{}")
    elif given.side:
        with Peak() as peak:
            found = (ours if given.side == "ours" else peer)(given.folder, given.rule, given.times)
        found["peak_mib"] = peak.most
        print(json.dumps({name: round(value, 3) for name, value in found.items()}))
    else:
        rows = [row for part in (100, 10, 1) for row in sized(given, given.customers // part)]
        show(rows, is_json=given.json)


def sized(given: argparse.Namespace, customers: int) -> list[dict]:
    """The rows of one size."""
    has_peer = not given.no_peer and customers <= given.peer_most
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        folder = Path(temporary)
        measured("fill", folder, customers, 1, "", *([] if has_peer else ["--no-peer"]))
        first = measured("ours", folder, customers, 1, RULES["a tenth"])
        kept = sum(path.stat().st_size for path in folder.glob("gallery/bench/codes-*"))
        rows = []
        for name, rule in RULES.items():
            found = measured("ours", folder, customers, given.times, rule)
            other = measured("peer", folder, customers, 2, rule) if has_peer else {}
            told = {"first": first, "kept_mib": kept / 2**20, "ours": found, "peer": other}
            rows.append({"customers": customers, "audience": name, **told})
    return rows


def show(rows: list[dict], *, is_json: bool) -> None:
    """Print the result, with the exponent of the growth from the size before."""
    before: dict[str, dict] = {}
    for row in rows:
        small = before.get(row["audience"])
        if small:
            times = row["customers"] / small["customers"]
            row["exponent"] = round(math.log(row["ours"]["s"] / small["ours"]["s"], times), 2)
        before[row["audience"]] = row
    if is_json:
        print(json.dumps({"tags": TAGS, "rows": rows, "limit_s": 1.0}, ensure_ascii=False))
        return
    heads = ("audience", "members", "making", "its MiB", "fresh", "warm", "growth", "MiB", "kept MiB", "DuckDB")
    print(f"{'customers':>12}" + "".join(f"{head:>11}" for head in heads))
    for row in rows:
        own, other, first = row["ours"], row["peer"].get("s", float("nan")), row["first"]
        print(
            f"{row['customers']:>12,}{row['audience']:>11}{own['group']:>11,.0f}{first['s']:>9.2f} s"
            f"{first['peak_mib']:>11,.0f}{own['first_s']:>9.3f} s{own['s']:>9.3f} s{row.get('exponent', ''):>11}"
            f"{own['peak_mib']:>11,.0f}{row['kept_mib']:>11,.0f}{other:>9.2f} s"
        )


if __name__ == "__main__":
    main()
