"""RFM of 10 M buyers into gallery columns; BG/NBD fitted on 1 M purchase histories, and 10 M of them scored.

Run `python bench/value.py` (a smaller one: `--scale 0.1`). RFM reads answers that stand in the gallery, as it does in a
run, and writes its four columns; the fit and the scores include putting equal histories together. Limits: 15 s, 60 s
and 60 s.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

ASOF = datetime(2026, 8, 31, 16, tzinfo=UTC)
AXES = ("recency_days", "orders", "net_spend")


def rfm(size: int, folder: Path, tag_id: str) -> float:
    """Seconds for the columns of one tag over buyers of whom most bought once."""
    import pyarrow as pa

    from limner.app.opening import make, open_stores, settings_of
    from limner.flow.tags.base import Asked
    from limner.flow.tags.compose import studied
    from limner.flow.tags.gather import gather
    from limner.flow.tags.tag import ground_of, prepare
    from limner.store.definitions import Definitions

    make(folder)
    stores = open_stores(folder, settings_of(folder, {"LIMNER_LIMITS_MEMORY": "2560", "LIMNER_LIMITS_THREADS": "2"}))
    rng = np.random.default_rng(1)
    values = (rng.integers(0, 730, size), rng.geometric(0.6, size), rng.gamma(0.7, 400.0, size).round(2))
    money = pa.array(values[2]).cast(pa.decimal128(18, 4), safe=False)
    columns = [pa.array(values[0].astype(np.int32)), pa.array(values[1].astype(np.int64)), money]
    answers = pa.table({"number": np.arange(size, dtype=np.int32), **dict(zip(AXES, columns, strict=True))})
    part = prepare(Definitions(), ground_of(stores, ASOF), [tag_id]).parts[tag_id]
    if not isinstance(part, Asked):
        raise SystemExit("the tag is not asked of answers")
    start = time.perf_counter()
    given = {"answers": answers}
    query = studied(part, lambda question: stores.lake.table(question, given=given))
    draft = stores.gallery.draft()
    for cell, encoded in zip(part.cells, gather(stores.lake.query(query, given=given), part.cells, size), strict=True):
        draft.put_encoded(cell.column, encoded, unit="", version="bench", asof=ASOF.isoformat())
    seconds = time.perf_counter() - start
    stores.close()
    return seconds


def bought(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Histories of customers who joined over two years: repeats, days to the last, days to the asof."""
    rng = np.random.default_rng(2)
    age = rng.integers(1, 730, size)
    stays = np.minimum(age, rng.exponential(300, size)).astype(np.int64)
    repeats = np.minimum(rng.poisson(rng.gamma(0.5, 1 / 30, size) * stays), stays)
    last = np.where(repeats > 0, np.maximum(repeats, (stays * rng.random(size) ** (1 / (repeats + 1))).astype(int)), 0)
    return repeats, np.minimum(last, age), age


def fit(size: int, method: str) -> float:
    """Seconds to put histories together and to find the parameters."""
    from limner.flow.models.clv import METHODS
    from limner.maths.histories import histories

    x, last, age = bought(size)
    start = time.perf_counter()
    METHODS[method].fit(histories(x, last, age)[0])
    return time.perf_counter() - start


def score(size: int, method: str) -> float:
    """Seconds for the chance to be there and the purchases of a year to come, customer by customer."""
    from limner.maths.bg_nbd import BgNbd
    from limner.maths.histories import histories
    from limner.maths.pareto_nbd import ParetoNbd

    x, last, age = bought(size)
    model = BgNbd(0.5, 4.0, 0.8, 2.4) if method == "bg_nbd" else ParetoNbd(0.6, 11.0, 0.6, 12.0)
    start = time.perf_counter()
    found, place = histories(x, last, age)
    scores = model.alive(found)[place], model.expected(found, 52.0)[place]
    seconds = time.perf_counter() - start
    if not all(np.isfinite(one).all() for one in scores):
        raise SystemExit("a score is not a number")
    return seconds


def main() -> None:
    """Each work at a tenth and whole; one JSON document with the exponent of growth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    scale = parser.parse_args().scale
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        works = {
            "rfm": (10_000_000, 15, lambda n: rfm(n, Path(temporary) / f"rfm{n}", "rfm")),
            "rfm_groups": (10_000_000, 15, lambda n: rfm(n, Path(temporary) / f"groups{n}", "rfm_groups")),
            "fit": (1_000_000, 60, lambda n: fit(n, "bg_nbd")),
            "score": (10_000_000, 60, lambda n: score(n, "bg_nbd")),
            "pareto_fit": (1_000_000, 60, lambda n: fit(n, "pareto_nbd")),
            "pareto_score": (10_000_000, 60, lambda n: score(n, "pareto_nbd")),
        }
        for name, (whole, limit, work) in works.items():
            size = int(whole * scale)
            tenth, all_ = work(size // 10), work(size)
            found[name] = {
                "customers": size, "seconds": round(all_, 2), "tenth": round(tenth, 2), "limit": limit,
                "exponent": round(float(np.log10(all_ / tenth)), 2),
            }  # fmt: skip
            print(name, found[name], file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "peak_mib": round(peak)}, indent=1))


if __name__ == "__main__":
    main()
