"""Every matcher on traits keeps the contract. A new one is tested the moment it exists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import TRAIT_MATCHERS, Records

SURNAMES = ["王", "李", "张", "刘", "陈", "欧阳", "赵", "周", "吴", "徐"]
GIVEN = ["伟", "晓明", "小敏", "秀英", "建国", "雨欣", "磊", "海燕", "子涵", "平"]
CITIES = ["上海", "杭州", "成都", None]
ROLES = {name: name for name in ("name", "birth_date", "city", "phone")}
BY_ROWS = [name for name, kind in TRAIT_MATCHERS if not getattr(kind, "needs_ground", False)]
SLOW = {"splink"}


def people(seed: int, rows: int) -> list[dict[str, str | None]]:
    """Persons, every third of whom comes again with one thing changed."""
    rng = np.random.default_rng(seed)
    found: list[dict[str, str | None]] = []
    while len(found) < rows:
        if found and rng.random() < 0.3:
            one = dict(found[int(rng.integers(len(found)))])
            one[("name", "birth_date", "phone")[int(rng.integers(3))]] = None
        else:
            one = {
                "name": SURNAMES[int(rng.integers(10))] + GIVEN[int(rng.integers(10))],
                "birth_date": f"19{rng.integers(50, 99)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}",
                "city": CITIES[int(rng.integers(4))],
                "phone": f"138****{rng.integers(10_000):04}",
            }
        found.append(one)
    return found


def records(rows: list[dict[str, str | None]]) -> Records:
    columns = {role: pa.array([row[role] for row in rows], pa.string()) for role in ROLES}
    return Records(np.arange(1, len(rows) + 1, dtype=np.int32), columns)


def scores(name: str, rows: list[dict[str, str | None]], seed: int = 3) -> dict[tuple[int, int], float]:
    matching = Matching("all", matcher=name, roles=ROLES, propose_above=1e-6)
    found = TRAIT_MATCHERS.find(name)(records(rows), matching, rng=np.random.default_rng(seed))
    assert (found.low < found.high).all()
    assert ((found.probability > 0) & (found.probability <= 1)).all()
    pairs = list(zip(found.low.tolist(), found.high.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert pairs == sorted(pairs)
    return dict(zip(pairs, found.probability.tolist(), strict=True))


def in_words(rows: list[dict[str, str | None]], found: dict[tuple[int, int], float]) -> list[tuple[object, float]]:
    """Scores by what the two records say, whatever their places."""
    said = [tuple(str(row[role]) for role in ROLES) for row in rows]
    return sorted((tuple(sorted((said[a], said[b]))), round(p, 6)) for (a, b), p in found.items())


def examples(name: str) -> int:
    return 1 if name in SLOW else 25


@pytest.mark.parametrize("name", BY_ROWS)
def test_the_order_of_records_does_not_matter(name):
    @settings(max_examples=examples(name), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 10_000), st.integers(60, 120), st.randoms(use_true_random=False))
    def check(seed, size, luck):
        rows = people(seed, size)
        moved = luck.sample(rows, len(rows))
        alone = {tuple(row.items()) for row in rows}
        assume(len(alone) > 40)
        one, other = scores(name, rows), scores(name, moved)
        distinct = [pair for pair in in_words(rows, one) if pair[0][0] != pair[0][1]]  # type: ignore[index]
        again = [pair for pair in in_words(moved, other) if pair[0][0] != pair[0][1]]  # type: ignore[index]
        assert [pair for pair, _ in distinct] == [pair for pair, _ in again]
        assert np.allclose([p for _, p in distinct], [p for _, p in again], atol=2e-3)

    check()


@pytest.mark.parametrize("name", BY_ROWS)
def test_the_same_seed_gives_the_same_scores(name):
    rows = people(5, 80)
    assert scores(name, rows) == scores(name, rows)


@pytest.mark.parametrize("name", BY_ROWS)
def test_nobody_and_one_alone_give_no_pair(name):
    assert scores(name, []) == {}
    assert scores(name, people(1, 1)) == {}


@pytest.mark.parametrize("name", BY_ROWS)
def test_nobody_who_says_nothing_is_paired(name):
    rows = people(2, 60)
    empty = [dict.fromkeys(ROLES)] * 3
    found = scores(name, [*rows, *empty])
    assert all(high < len(rows) for _, high in found)


@pytest.mark.parametrize("name", BY_ROWS)
def test_record_ids_are_no_feature(name):
    rows = people(6, 90)
    matching = Matching("all", matcher=name, roles=ROLES, propose_above=1e-6)
    kind = TRAIT_MATCHERS.find(name)
    plain = records(rows)
    other = Records((plain.trace * 977 + 13).astype(np.int32), plain.columns)
    one, two = (kind(given, matching, rng=np.random.default_rng(1)) for given in (plain, other))
    assert one.low.tolist() == two.low.tolist()
    assert one.probability.tolist() == two.probability.tolist()


@pytest.mark.parametrize("name", BY_ROWS)
def test_adding_exact_copies_never_lowers_their_score(name):
    @settings(max_examples=examples(name), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 10_000), st.integers(1, 4), st.integers(0, 50))
    def check(seed, copies, which):
        rows = people(seed, 70)
        once = [*rows, rows[which]]
        more = [*once, *[rows[which]] * copies]
        first = min(at for at, row in enumerate(rows) if row == rows[which])
        least, most = scores(name, once), scores(name, more)
        pair = (first, len(rows))
        assert most.get(pair, 0.0) >= least.get(pair, 0.0) - 1e-9

    check()


@pytest.mark.parametrize("name", BY_ROWS)
def test_evidence_names_what_was_compared_and_quotes_nothing(name):
    rows = people(8, 80)
    matching = Matching("all", matcher=name, roles=ROLES, propose_above=0.3)
    found = TRAIT_MATCHERS.find(name)(records(rows), matching, rng=np.random.default_rng(1))
    assert found.low.size
    for at in range(found.low.size):
        evidence = found.evidence(at)
        assert evidence
        assert all(value not in str(evidence) for value in rows[int(found.low[at])].values() if value)
