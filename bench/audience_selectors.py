"""The selectors against scikit-learn and brute force, each part in a process of its own.

Run `python bench/audience_selectors.py` (ten million customers, baskets and pool; parts: clusters, peer_clusters, alike, peer_alike,
pairings, peer_pairings; `--scale 0.1` for a tenth). Limits: k-means of 10 M × 50, k = 20 in 2 min; 300 k seeds, a pool
of 10 M × 100 tags in 20 s; 10 M baskets of 10 k items at support 0.0005 in 3 min.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

LIMITS = {"clusters": 120, "alike": 20, "pairings": 180}
SPREAD = 2.0


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
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()


def blobs(rows: int, columns: int = 50, k: int = 20) -> np.ndarray:
    """Rows around k middles, in float32."""
    rng = np.random.default_rng(1)
    middles = rng.normal(0, SPREAD, (k, columns)).astype(np.float32)
    made = np.empty((rows, columns), np.float32)
    for first in range(0, rows, 1 << 18):
        part = made[first : first + (1 << 18)]
        part[:] = rng.standard_normal(part.shape, np.float32) + middles[rng.integers(k, size=len(part))]
    return made


def clusters(scale: float) -> dict[str, object]:
    """Our k-means over all rows: starts on a part, a tour of mini-batches, passes to the end."""
    from limner.maths.clusters import cluster, rows_of

    values = blobs(int(10_000_000 * scale))
    with Peak() as peak:
        start = time.perf_counter()
        found = cluster(rows_of(values), 20, np.random.default_rng(1))
        seconds = time.perf_counter() - start
    return {"rows": len(values), "seconds": seconds, "cost": found.cost / len(values), "peak_mib": peak.most}


def peer_clusters(scale: float) -> dict[str, object]:
    """scikit-learn's mini-batch k-means over the same rows, with as many starts, and everybody's cluster."""
    from sklearn.cluster import MiniBatchKMeans

    values = blobs(int(10_000_000 * scale))
    with Peak() as peak:
        start = time.perf_counter()
        made = MiniBatchKMeans(20, n_init=4, batch_size=1 << 15, random_state=1).fit(values)
        seconds = time.perf_counter() - start
    return {"rows": len(values), "seconds": seconds, "cost": made.inertia_ / len(values), "peak_mib": peak.most}


def gallery(folder: Path, customers: int, columns: int = 100) -> None:
    """A pool whose seeds differ in ten of a hundred columns: counts of one byte, as tags mostly are."""
    from pyroaring import BitMap

    from limner.store.gallery import Gallery

    rng = np.random.default_rng(2)
    taste = rng.random(customers) < 0.1
    seeds = np.zeros(customers, np.bool_)
    seeds[rng.choice(np.flatnonzero(taste), min(300_000, int(taste.sum() * 0.4)), replace=False)] = True
    draft = Gallery(folder).draft()
    draft.put_living(BitMap(range(customers)), customers)
    draft.put("is_seed", seeds, type="bool")
    draft.put("is_alike", taste, type="bool")
    for at in range(columns):
        values = rng.integers(0, 40, customers, np.int8)
        if at < 10:
            values[taste] += rng.integers(0, 20, int(taste.sum()), np.int8)
        draft.put(f"tag_{at}", values, type="int")
    draft.seal("bench")


def alike(scale: float, folder: Path) -> dict[str, object]:
    """Look-alikes of the seeds: learned, all of the pool scored, as many chosen as there are seeds."""
    from datetime import UTC, datetime

    from limner.core.ours import Audience
    from limner.core.rule import Lexicon, TagWord
    from limner.flow.audiences import Ground
    from limner.flow.audiences.likeness import scored
    from limner.store.definitions import Definitions
    from limner.store.gallery import Gallery

    version = Gallery(folder).version("bench")
    words = Lexicon(tags=tuple(TagWord(h.name, h.type) for h in version.headers.values()))
    many = int(300_000 * min(1.0, version.size / 10_000_000))
    options = {"seeds": "is_seed", "size": many, "without": ["is_alike"]}
    asked = Audience("like", selector="look_alike", options=options)
    ground = Ground(version, Definitions({"audiences": {"like": asked}}), words, datetime(2026, 9, 1, tzinfo=UTC))
    with Peak() as peak:
        start = time.perf_counter()
        made = scored(asked, ground)
        seconds = time.perf_counter() - start
    from limner.store.gallery.bits import unpack

    taste = unpack(version.column("is_alike").values, version.size)
    right = float(taste[made.chosen].mean())
    way = "linear" if made.learned.trees is None else "trees"
    return {
        "pool": version.size,
        "seeds": made.seeds,
        "seconds": seconds,
        "alike": right,
        "way": way,
        "peak_mib": peak.most,
    }


def peer_alike(scale: float, folder: Path) -> dict[str, object]:
    """scikit-learn's logistic regression on as large a sample, and its scores of the whole pool in blocks."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from limner.store.gallery import Gallery
    from limner.store.gallery.bits import unpack

    version = Gallery(folder).version("bench")
    size = version.size
    with Peak() as peak:
        start = time.perf_counter()
        seeds = unpack(version.column("is_seed").values, size)
        rng = np.random.default_rng(1)
        chosen = [np.flatnonzero(seeds), np.flatnonzero(~seeds)]
        rows = np.sort(np.concatenate([rng.choice(chosen[0], min(30_000, chosen[0].size), replace=False),
                                       rng.choice(chosen[1], min(120_000, chosen[1].size), replace=False)]))  # fmt: skip
        names = [name for name in version.headers if name.startswith("tag_")]
        matrix = np.column_stack([version.column(name).values[rows].astype(np.float32) for name in names])
        scaler = StandardScaler().fit(matrix)
        model = LogisticRegression(max_iter=200).fit(scaler.transform(matrix), seeds[rows])
        scores = np.empty(size, np.float32)
        for first in range(0, size, 1 << 18):
            part = np.column_stack(
                [version.column(n).values[first : first + (1 << 18)].astype(np.float32) for n in names]
            )
            scores[first : first + len(part)] = model.decision_function(scaler.transform(part))
        scores[seeds] = -np.inf
        many = int(300_000 * min(1.0, size / 10_000_000))
        best = np.argpartition(-scores, many)[:many]
        seconds = time.perf_counter() - start
    taste = unpack(version.column("is_alike").values, size)
    return {"pool": size, "seconds": seconds, "alike": float(taste[best].mean()), "peak_mib": peak.most}


def baskets(scale: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Baskets of one to eleven items whose popularity falls like Zipf's, with pairs planted; in the order of baskets."""
    many, items = int(10_000_000 * scale), 10_000
    rng = np.random.default_rng(3)
    sizes = 1 + rng.binomial(10, 0.4, many)
    weight = 1 / np.arange(20, items + 20) ** 0.9
    item = rng.choice(items, size=int(sizes.sum()), p=weight / weight.sum()).astype(np.int32)
    basket = np.repeat(np.arange(many, dtype=np.int32), sizes)
    follows = (rng.random(item.size) < 0.3) & (item < 50)
    basket = np.concatenate([basket, basket[follows]])
    item = np.concatenate([item, item[follows] + 50])
    return basket, item, many


def pairings(scale: float) -> dict[str, object]:
    """Baskets brought into order, sets of up to three items counted, pairings tested."""
    from limner.maths.pairings import baskets_of, frequent, least_of
    from limner.maths.pairings import pairings as found_in

    basket, item, many = baskets(scale)
    rows = basket.size
    with Peak() as peak:
        start = time.perf_counter()
        made = baskets_of(basket, item, many=many, items=10_000)
        found = frequent(made, least_of(Fraction("0.0005"), many), 3)
        told = found_in(found, confidence=Fraction("0.1"), lift=Fraction("1.2"))
        seconds = time.perf_counter() - start
    clear = sum(one.is_clear for one in told)
    return {"baskets": many, "rows": rows, "seconds": seconds, "sets": len(found.sets), "pairings": len(told),
            "clear": clear, "peak_mib": peak.most}  # fmt: skip


def peer_pairings(scale: float) -> dict[str, object]:
    """The pairs alone, counted by SciPy's product of sparse matrices."""
    from scipy.sparse import csr_matrix

    basket, item, many = baskets(scale)
    with Peak() as peak:
        start = time.perf_counter()
        matrix = csr_matrix((np.ones(item.size, np.int32), (basket, item)), (many, 10_000))
        matrix.data[:] = 1
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        kept = matrix[:, np.flatnonzero(counts >= 0.0005 * many)]
        product = (kept.T @ kept).tocoo()
        pairs = int(((product.row < product.col) & (product.data >= 0.0005 * many)).sum())
        seconds = time.perf_counter() - start
    return {"baskets": many, "seconds": seconds, "pairs": pairs, "peak_mib": peak.most}


PARTS = {"clusters": clusters, "peer_clusters": peer_clusters, "pairings": pairings, "peer_pairings": peer_pairings}
ON_GALLERY = {"alike": alike, "peer_alike": peer_alike}


def main() -> None:
    """Measure the parts asked for, each in its own process; print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="*", default=[*PARTS, *ON_GALLERY])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--pool", type=int, default=0, help="customers of the gallery (default: 10 M times the scale)")
    parser.add_argument("--one", choices=[*PARTS, *ON_GALLERY])
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.one in PARTS:
        print(json.dumps(PARTS[asked.one](asked.scale)))
        return
    if asked.one:
        print(json.dumps(ON_GALLERY[asked.one](asked.scale, asked.folder)))
        return
    with tempfile.TemporaryDirectory() as home:
        folder = asked.folder or Path(home) / "gallery"
        if set(asked.parts) & set(ON_GALLERY) and not folder.exists():
            gallery(folder, asked.pool or int(10_000_000 * asked.scale))
        found = {}
        for part in asked.parts:
            command = [sys.executable, __file__, "--one", part, "--scale", str(asked.scale), "--folder", str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[part] = json.loads(done.stdout.splitlines()[-1]) | {"limit": LIMITS.get(part)}
            print(part, found[part], file=sys.stderr)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
