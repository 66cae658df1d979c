"""Enrichment: rows a second of each kind, over columns whose texts repeat, and of different texts by themselves.

Run `python bench/enrich.py` (`--rows` for others than 1 M, `--json`). A kind reads each different text once: the first figure is
a column of a million rows with one different text in ten, the second the different texts by themselves. No peer: what the
kinds stand on (ua-parser, phonenumbers) is in the second figure. The limit is that of intake: 50,000 rows a second. Times
are processor time of one core, so that a busy machine counts less.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence

import pyarrow as pa

LIMIT = 50_000
"""Rows a second that a live collector takes in batches."""


def phones(draw: random.Random, count: int) -> list[str]:
    """Mobile numbers over all prefixes."""
    heads = ("134", "135", "138", "139", "150", "151", "158", "159", "176", "186", "188", "189", "199")
    return [f"{draw.choice(heads)}{draw.randrange(10**8):08d}" for _ in range(count)]


def cards(draw: random.Random, count: int) -> list[str]:
    """Identity cards with a right check digit."""
    from limner.core.id_card import check_digit
    from limner.flow.sources.enrich.divisions import divisions

    codes = list(divisions().counties)
    firsts = [
        f"{draw.choice(codes)}{draw.randrange(1950, 2008)}{draw.randrange(1, 13):02d}{draw.randrange(1, 29):02d}"
        f"{draw.randrange(1, 1000):03d}"
        for _ in range(count)
    ]
    return [first + check_digit(first) for first in firsts]


def addresses(draw: random.Random, count: int) -> list[str]:
    """Addresses in full and in short."""
    from limner.flow.sources.enrich.divisions import divisions

    known = divisions()
    places = [known.of_code(code) for code in known.counties]
    found = []
    for _ in range(count):
        place = draw.choice(places)
        start = place.province[:2] + place.city[:2] if draw.random() < 0.3 else place.province + place.city
        found.append(f"{start}{place.district}人民路{draw.randrange(2000)}号{draw.randrange(60)}室")
    return found


def names(draw: random.Random, count: int) -> list[str]:
    """Chinese names, some with an honorific or a space."""
    surnames, given = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗", "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰晓梅"
    ends = ("", "", "", "先生", "女士")
    return [
        f"{draw.choice(surnames)}{draw.choice(('', ' '))}{draw.choice(given)}{draw.choice(given)}{draw.choice(given)}"
        f"{draw.choice(ends)}"
        for _ in range(count)
    ]


def agents(draw: random.Random, count: int) -> list[str]:
    """User agents of WeChat and of browsers, in many versions."""
    return [
        f"Mozilla/5.0 (Linux; Android {draw.randrange(9, 16)}; V{draw.randrange(2000, 2400)}A; wv) AppleWebKit/537.36 "
        f"Chrome/{draw.randrange(90, 140)}.0.{draw.randrange(6000)}.0 Mobile Safari/537.36 "
        f"MicroMessenger/8.0.{draw.randrange(60)}.{draw.randrange(3000)}"
        for _ in range(count)
    ]


KINDS: dict[str, Callable[[random.Random, int], list[str]]] = {
    "phone": phones,
    "id_card": cards,
    "address": addresses,
    "person_name": names,
    "user_agent": agents,
}


def measured(kind: str, texts: Sequence[str], rows: int, draw: random.Random) -> tuple[float, float]:
    """Rows a second over a column of `rows`, and over the different texts by themselves."""
    from limner.core.settings import EnrichSettings
    from limner.flow.sources.enrich import Enriching

    apart = pa.array(texts)
    begun = time.process_time()
    Enriching.of(kind, EnrichSettings()).look(apart)
    alone = time.process_time() - begun
    column = apart.take(pa.array([draw.randrange(len(texts)) for _ in range(rows)]))
    work = Enriching.of(kind, EnrichSettings())
    begun = time.process_time()
    work.look(column)
    return rows / (time.process_time() - begun), len(texts) / alone


def main() -> None:
    """Measure every kind and print a table."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--rows", type=int, default=1_000_000)
    ask.add_argument("--seed", type=int, default=7)
    ask.add_argument("--json", action="store_true")
    given = ask.parse_args()
    draw = random.Random(given.seed)
    found = []
    for kind, make in KINDS.items():
        whole, apart = measured(kind, make(draw, given.rows // 10), given.rows, draw)
        found.append({"kind": kind, "rows_per_second": round(whole), "texts_per_second": round(apart)})
    if given.json:
        print(json.dumps({"rows": given.rows, "limit": LIMIT, "kinds": found}))
        return
    print(f"{'kind':<12} {'rows/s, 1 in 10 new':>20} {'different texts/s':>18}   (limit {LIMIT:,} rows/s)")
    for row in found:
        print(f"{row['kind']:<12} {row['rows_per_second']:>20,} {row['texts_per_second']:>18,}")


if __name__ == "__main__":
    main()
