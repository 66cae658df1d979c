"""Matching against Splink on public records, and on 50,000 corrupted records of Chinese persons with planted truth.

Run `LIMNER_TEST_DATA=… python bench/matching.py` (about two minutes; `--sizes 5000,50000,500000` for the growth). Wanted:
F1 by pairs and by clusters at least Splink's own published settings on fake_1000 and FEBRL 1; 50,000 records in 10 s;
F1 of 0.99 on planted duplicates. Pairs count what was scored, clusters what follows from joining it: never one as the
other. Record ids are in no column that is compared.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import TRAIT_MATCHERS, Records
from limner.flow.identity.matching.joining import joinable
from limner.maths.components import components
from limner_market.corrupted import corrupted

SEEDS = (101, 102, 103)
"""Seeds nothing was tuned on."""
FAKE = {"given_name": "first_name", "surname": "surname", "birth_date": "dob", "city": "city", "email": "email"}
FEBRL: dict[str, Any] = {
    "given_name": "given_name", "surname": "surname", "birth_date": "date_of_birth",
    "address": ["street_number", "address_1", "address_2"], "code:soc_sec_id": "soc_sec_id",
    "code:postcode": "postcode", "text:suburb": "suburb", "text:state": "state",
}  # fmt: skip
LEAST = 0.01


def rows_of(name: str) -> list[dict[str, str]]:
    path = Path(os.environ["LIMNER_TEST_DATA"]) / "identity" / name
    with path.open(encoding="utf-8") as file:
        return [{k.strip(): v.strip() for k, v in row.items()} for row in csv.DictReader(file, skipinitialspace=True)]


def pairs_within(label: Sequence[object]) -> np.ndarray:
    """Every pair of rows with the same label, as one number each."""
    code = np.unique(np.asarray(label, dtype=object).astype(str), return_inverse=True)[1]
    from limner.maths.blocks import meet

    found = meet(code, 1 << 30)
    return np.sort(found.low << 32 | found.high)


def rates(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    both = np.intersect1d(found, truth, assume_unique=True).size
    precision, recall = both / max(1, found.size), both / max(1, truth.size)
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / max(1e-9, precision + recall)}


def judged(
    low: np.ndarray, high: np.ndarray, chance: np.ndarray, owner: np.ndarray, label: Sequence[object]
) -> dict[str, Any]:
    """Rates by pairs and by clusters at several thresholds; the Brier score of all pairs scored."""
    truth = pairs_within(label)
    key = low << 32 | high
    hit = np.isin(key, truth)
    found: dict[str, Any] = {"pairs": int(low.size), "brier": float(np.mean((chance - hit) ** 2)) if low.size else 0.0}
    for least in (0.2, 0.5, 0.8, 0.9, 0.95, 0.99):
        kept = np.flatnonzero(chance >= least)
        best = kept[np.argsort(-chance[kept], kind="stable")]
        sure = best[joinable(zip(low[best].tolist(), high[best].tolist(), strict=True), owner=owner)]
        joined = components(len(label), low[sure], high[sure])
        found[str(least)] = {
            "pair": rates(np.sort(key[kept]), truth),
            "cluster": rates(pairs_within(joined.tolist()), truth),
        }
    return found


def ours(
    matcher: str, columns: Mapping[str, Sequence[str | None]], label: Sequence[object], roles: Any = None
) -> dict[str, Any]:
    arrow = {role: pa.array(values, pa.string()) for role, values in columns.items()}
    records = Records(np.arange(len(label), dtype=np.int32), arrow)
    matching = Matching("bench", matcher=matcher, propose_above=LEAST)
    started, worked = time.perf_counter(), time.process_time()
    found = TRAIT_MATCHERS.find(matcher)(records, matching, rng=np.random.default_rng(1))
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    owner = found.owner if found.owner.size else np.full(len(label), -1)
    scored = judged(found.low, found.high, found.probability, owner, label)
    return {
        "seconds": seconds,
        "processor": processor,
        "compared": found.compared,
        "unused": len(found.unused),
        **scored,
    }


def columns_of(rows: list[dict[str, str]], roles: Mapping[str, Any]) -> dict[str, list[str | None]]:
    def said(row: dict[str, str], source: Any) -> str | None:
        return " ".join(row[name] for name in ([source] if isinstance(source, str) else source) if row[name]) or None

    return {role: [said(row, source) for row in rows] for role, source in roles.items()}


def splink_on(rows: list[dict[str, str]], label: Sequence[object], made: Any) -> dict[str, Any]:
    """Splink with the settings its documentation gives for these records."""
    from splink import DuckDBAPI, Linker

    uid, settings, teach = made()
    table = pa.table({name: pa.array([row[name] or None for row in rows]) for name in rows[0]})
    started = time.perf_counter()
    linker = Linker(DuckDBAPI().register(table), settings, log_level=None)
    teach(linker.training)
    found = linker.inference.predict(threshold_match_probability=LEAST, warning_mode="never").as_pyarrow_table()
    seconds = time.perf_counter() - started
    place = {row[uid]: at for at, row in enumerate(rows)}
    one, other = (np.array([place[x] for x in found[f"{uid}_{side}"].to_pylist()], np.int64) for side in "lr")
    chance = found["match_probability"].to_numpy()
    nobody = np.full(len(rows), -1)
    return {"seconds": seconds, **judged(np.minimum(one, other), np.maximum(one, other), chance, nobody, label)}


def fake_published() -> Any:
    import splink.comparison_library as cl
    from splink import SettingsCreator, block_on

    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[block_on(name) for name in ("first_name", "surname", "dob", "email")],
        comparisons=[
            cl.ForenameSurnameComparison("first_name", "surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
    )
    same = ("first_name", "r.dob, l.dob", 1), ("surname", "r.dob, l.dob", 1), ("first_name", "r.surname, l.surname", 2)
    sure = [f"l.{name} = r.{name} and levenshtein({ends}) <= {most}" for name, ends, most in same] + [
        "l.email = r.email"
    ]

    def teach(training: Any) -> None:
        training.estimate_probability_two_random_records_match(sure, recall=0.7)
        training.estimate_u_using_random_sampling(max_pairs=1e6, seed=5)
        for rule in (block_on("dob"), block_on("email"), block_on("first_name", "surname")):
            training.estimate_parameters_using_expectation_maximisation(rule, estimate_without_term_frequencies=True)

    return "unique_id", settings, teach


def febrl_published() -> Any:
    import splink.comparison_library as cl
    from splink import SettingsCreator, block_on

    names = ("soc_sec_id", "given_name", "surname", "date_of_birth", "postcode")
    settings = SettingsCreator(
        unique_id_column_name="rec_id",
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[block_on(name) for name in names],
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
    )
    turned = "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth"
    sure = [block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth"), turned]

    def teach(training: Any) -> None:
        training.estimate_probability_two_random_records_match(sure, recall=0.9)
        training.estimate_u_using_random_sampling(max_pairs=1e6, seed=2)
        for rule in (block_on("date_of_birth"), block_on("postcode")):
            training.estimate_parameters_using_expectation_maximisation(rule)

    return "rec_id", settings, teach


def public() -> dict[str, Any]:
    found = {}
    fake, febrl = rows_of("splink_fake_1000.csv"), rows_of("febrl_dataset1.csv")
    persons = ["-".join(row["rec_id"].split("-")[:2]) for row in febrl]
    for name, rows, label, roles, made in (
        ("fake_1000", fake, [row["cluster"] for row in fake], FAKE, fake_published),
        ("febrl_1", febrl, persons, FEBRL, febrl_published),
    ):
        columns = columns_of(rows, roles)
        found[name] = {matcher: ours(matcher, columns, label) for matcher in ("persons", "splink")}
        found[name]["splink, published settings"] = splink_on(rows, label, made)
    return found


def planted(sizes: Sequence[int], seeds: Sequence[int], matchers: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for size in sizes:
        for seed in seeds if size == 50_000 else seeds[:1]:
            records = corrupted(seed, size)
            for matcher in matchers:
                result = ours(matcher, records.columns, records.truth.tolist())
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                found.append({"records": size, "seed": seed, "matcher": matcher, "peak_mib": round(peak), **result})
                show(f"{size:,} corrupted, seed {seed}", {matcher: result})
    return found


def show(name: str, results: Mapping[str, Any]) -> None:
    for who, one in results.items():
        print(
            f"\n{name} · {who}: {one['seconds']:.1f} s ({one.get('processor', 0.0):.1f} of the processor), {one['pairs']:,} pairs scored, Brier {one['brier']:.4f}",
            file=sys.stderr,
        )
        for least, found in one.items():
            if isinstance(found, dict):
                pair, cluster = (
                    [f"{part[k]:.4f}" for k in ("precision", "recall", "f1")]
                    for part in (found["pair"], found["cluster"])
                )
                print(f"  ≥ {least:>4}  pair P R F1 {' '.join(pair)}   cluster {' '.join(cluster)}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="50000")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--matchers", default="persons")
    parser.add_argument("--only", choices=("public", "planted"))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sizes, seeds = ([int(part) for part in text.split(",")] for text in (given.sizes, given.seeds))
    found: dict[str, Any] = {}
    if given.only != "planted":
        found["public"] = public()
        for name, results in found["public"].items():
            show(name, results)
    if given.only != "public":
        found["planted"] = planted(sizes, seeds, given.matchers.split(","))
        times = {row["records"]: row["processor"] for row in found["planted"] if row["matcher"] == "persons"}
        if len(times) > 1:
            slope = np.polyfit(np.log(list(times)), np.log(list(times.values())), 1)[0]
            found["exponent"] = round(float(slope), 2)
            print(f"\ngrowth exponent of processor time {slope:.2f}", file=sys.stderr)
    if given.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
