"""Select by twenty conditions of 300 tags, against the same SQL in DuckDB, Polars and ClickHouse (chDB).

Run `python bench/selection.py` (10 M customers), `--customers 100000000 --peers none` for a shard of a larger house.
Cached: the question has been asked before. Joined: every condition has, this combination has not. Changed: one bound is new
each time, the other nineteen are cached. Cold: nothing is cached by us, the files are in the page cache. The peers hold the twenty columns only, ours all 300.
Limits at 10 M: cached at most 5 ms, changed at most 20 ms, cold faster than DuckDB and ClickHouse; at 100 M cached at
most 100 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from pyroaring import BitMap

CITIES = ("北京", "上海", "杭州", "成都", "广州", "西安", "武汉", "南京")
KINDS = ("bool",) * 6 + ("small",) * 6 + ("int",) * 4 + ("money",) * 2 + ("text",) * 2
NAMES = tuple(f"{kind}{at}" for at, kind in enumerate(KINDS))
TYPES = {"bool": "bool", "small": "int", "int": "int", "money": "money", "text": "text"}
TAGS = 300
THREADS = 2


def values(kind: str, seed: int, customers: int) -> np.ndarray:
    """The answers of one tag: flags, days, amounts in ten-thousandths, codes of texts."""
    rng = np.random.default_rng(seed)
    if kind == "bool":
        return rng.random(customers, np.float32) < 0.9
    if kind == "small":
        return rng.integers(0, 100, customers, np.int8)
    if kind == "int":
        return rng.integers(0, 10_000, customers, np.int16)
    if kind == "money":
        return (rng.standard_exponential(customers, np.float32) * 5_000_000).astype(np.int64)
    return rng.integers(0, len(CITIES), customers, np.int8)


def rule(bound: int = 900) -> str:
    """Twenty conditions; `bound` moves the first of those on int16."""
    texts = {
        "bool": lambda name: name,
        "small": lambda name: f"{name} >= 4",
        "int": lambda name: f"{name} >= {bound if name == 'int12' else 900}",
        "money": lambda name: f"{name} >= 25.5",
        "text": lambda name: f"{name} in ('北京', '上海', '杭州', '成都', '广州', '西安', '武汉')",
    }
    return " and ".join(texts[kind](name) for name, kind in zip(NAMES, KINDS, strict=True))


def money_rule(bound: int) -> str:
    """The same with a bound on money moved, the widest column."""
    return rule().replace("money16 >= 25.5", f"money16 >= {bound}")


def fill(folder: Path, customers: int) -> None:
    """The version: twenty columns asked, and yes/no columns up to 300."""
    from limner.store.gallery import Gallery
    from limner.store.gallery.encode import encode

    draft = Gallery(folder / "gallery").draft()
    for at, (name, kind) in enumerate(zip(NAMES, KINDS, strict=True)):
        answers = values(kind, at, customers)
        draft.put_encoded(name, encode(name, TYPES[kind], answers, None, CITIES if kind == "text" else ()))
    packed = values("bool", 99, customers)
    for at in range(TAGS - len(NAMES)):
        draft.put_encoded(f"other{at}", encode(f"other{at}", "bool", packed, None))
    draft.put_living(BitMap(range(customers)))
    draft.seal("bench")


def spent(act: Callable[[int], int], times: int) -> dict[str, float]:
    """The least and the median milliseconds of several runs, and the last answer."""
    found, answer = [], 0
    for turn in range(times):
        start = time.perf_counter()
        answer = act(turn)
        found.append((time.perf_counter() - start) * 1000)
    return {"ms": min(found), "median_ms": sorted(found)[len(found) // 2], "count": answer}


def ours(folder: Path, times: int) -> dict[str, object]:
    """From the text of the rule to the number."""
    from datetime import UTC, datetime

    from limner.core.actor import OWNER
    from limner.core.rule import Lexicon, TagWord
    from limner.flow.audiences import Ground, count
    from limner.flow.audiences.estimate import estimate
    from limner.flow.audiences.nodes import nodes
    from limner.store.definitions import Definitions
    from limner.store.gallery import Gallery, Version
    from limner.store.gallery.leaf_cache import LeafCache
    from limner.store.gallery.leaves import LeavesOf

    words = Lexicon(tuple(TagWord(name, TYPES[kind]) for name, kind in zip(NAMES, KINDS, strict=True)))
    version, kept = Gallery(folder / "gallery").version("bench"), LeafCache(1 << 30)

    def ground(of: Version, leaves: LeafCache) -> Ground:
        return Ground(of, Definitions({}), words, datetime(2026, 9, 1, tzinfo=UTC), cache=LeavesOf(leaves, of))

    def asked(text: str, of: Version = version, leaves: LeafCache = kept) -> int:
        return count(ground(of, leaves), text, who=OWNER).count

    asked(rule())
    parts = rule().split(" and ")
    orders = [" and ".join(parts[at:] + parts[:at]) for at in range(1, len(parts))]
    found = {"cached": spent(lambda _: asked(rule()), times * 3)}
    found["joined"] = spent(lambda turn: asked(orders[turn]), min(times, len(orders)))
    found["changed"] = spent(lambda turn: asked(rule(901 + turn)), times)
    found["changed_money"] = spent(lambda turn: asked(money_rule(26 + turn)), times)
    found["nodes"] = spent(lambda _: nodes(ground(version, kept), rule(), who=OWNER).root.count, times)
    found["cold"] = spent(lambda _: asked(rule(), Version(folder / "gallery" / "bench"), LeafCache()), times)
    found["estimate"] = spent(
        lambda _: estimate(ground(Version(folder / "gallery" / "bench"), LeafCache()), rule(), who=OWNER).count, times
    )
    return found


def _arrow(folder: Path):
    import pyarrow as pa

    from limner.store.gallery import Gallery
    from limner.store.gallery.table import to_arrow

    found = to_arrow(Gallery(folder / "gallery").version("bench"), NAMES)
    narrow = {"small": pa.int8(), "int": pa.int16()}
    return pa.table(
        {n: found[n].cast(narrow[kind]) if kind in narrow else found[n] for n, kind in zip(NAMES, KINDS, strict=True)}
    )


def _sql() -> str:
    return f"SELECT count(*) FROM gallery WHERE {rule().replace(' in ', ' IN ')}"


def duckdb(folder: Path, times: int) -> dict[str, object]:
    """The same conditions as SQL over a wide table in a DuckDB file."""
    import duckdb as engine

    with engine.connect(str(folder / "wide.duckdb")) as connection:
        connection.register("columns", _arrow(folder))
        casts = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in NAMES if name.startswith("text"))
        connection.execute(f"CREATE TABLE gallery AS SELECT * REPLACE ({casts}) FROM columns")
    connection = engine.connect(str(folder / "wide.duckdb"), read_only=True, config={"threads": THREADS})
    return {"cold": spent(lambda _: int(connection.execute(_sql()).fetchall()[0][0]), times)}


def polars(folder: Path, times: int) -> dict[str, object]:
    """The same conditions over a frame in memory."""
    import polars as pl

    frame = pl.from_arrow(_arrow(folder))
    texts = [pl.col(name).cast(pl.Categorical) for name in NAMES if name.startswith("text")]
    frame = frame.with_columns(texts).lazy()
    asked = [pl.col(name) for name in NAMES if name.startswith("bool")]
    asked += [pl.col(name) >= 4 for name in NAMES if name.startswith("small")]
    asked += [pl.col(name) >= 900 for name in NAMES if name.startswith("int")]
    asked += [pl.col(name) >= pl.lit("25.5").cast(pl.Decimal(18, 4)) for name in NAMES if "money" in name]
    asked += [pl.col(name).is_in(list(CITIES[:7])) for name in NAMES if name.startswith("text")]
    question = frame.filter(pl.all_horizontal(asked)).select(pl.len())
    return {"cold": spent(lambda _: int(question.collect().item()), times)}


def chdb(folder: Path, times: int) -> dict[str, object]:
    """The same SQL in ClickHouse's engine, over a MergeTree table."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from chdb.session import Session

    told = _arrow(folder)
    told = pa.table({name: told[name].cast(pa.string()) if "text" in name else told[name] for name in NAMES})
    pq.write_table(told, folder / "wide.parquet")
    session = Session(str(folder / "chdb"))
    session.query("CREATE DATABASE IF NOT EXISTS d")
    kinds = {
        "bool": "Bool",
        "small": "Int8",
        "int": "Int16",
        "money": "Decimal(18, 4)",
        "text": "LowCardinality(String)",
    }
    columns = ", ".join(f"{name} {kinds[kind]}" for name, kind in zip(NAMES, KINDS, strict=True))
    session.query(f"CREATE TABLE d.gallery ({columns}) ENGINE = MergeTree ORDER BY tuple()")
    session.query(f"INSERT INTO d.gallery SELECT * FROM file('{folder / 'wide.parquet'}', Parquet)")
    text = _sql().replace("FROM gallery", "FROM d.gallery") + f" SETTINGS max_threads = {THREADS}"
    return {"cold": spent(lambda _: int(str(session.query(text, "CSV")).strip()), times)}


SIDES = {"ours": ours, "duckdb": duckdb, "polars": polars, "chdb": chdb}


def measured(side: str, folder: Path, customers: int, times: int) -> dict[str, object]:
    """One side in a process of its own, with its peak memory."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder), "--customers", str(customers)]
    with_threads = {**os.environ, "POLARS_MAX_THREADS": str(THREADS)}
    done = subprocess.run(
        [*command, "--times", str(times)], check=True, stdout=subprocess.PIPE, text=True, env=with_threads
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Fill, measure every side, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--peers", choices=("all", "none"), default="all")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--side", choices=("fill", *SIDES))
    arguments = parser.parse_args()
    if arguments.side == "fill":
        fill(arguments.folder, arguments.customers)
        print("{}")
        return
    if arguments.side:
        found = SIDES[arguments.side](arguments.folder, arguments.times)
        print(json.dumps({**found, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    sides = [side for side in SIDES if side == "ours" or (arguments.peers == "all" and find_spec(side))]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        measured("fill", Path(temporary), arguments.customers, 1)
        found = {side: measured(side, Path(temporary), arguments.customers, arguments.times) for side in sides}
    counts = {side: one["cold"]["count"] for side, one in found.items()}  # type: ignore[index]
    if len(set(counts.values())) != 1:
        raise SystemExit(f"the sides count differently: {counts}")
    print(json.dumps({"customers": arguments.customers, "tags": TAGS, "conditions": len(NAMES), **found}, indent=1))


if __name__ == "__main__":
    main()
