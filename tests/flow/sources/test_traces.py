"""What is known of identifiers is found again, whatever shares a hash."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from intake import Intake
from limner.flow.sources.known import Known, distinct, halves, known_of, whole
from limner.flow.sources.texts import NOT_THERE, Texts

HASH = st.tuples(st.sampled_from([b"a" * 8, b"b" * 8, bytes(8), b"\xff" * 8]), st.binary(min_size=8, max_size=8))
WORD = st.text(max_size=3)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(WORD, unique=True, max_size=30), max_size=6), st.sampled_from([1, 2, 1 << 64]))
def test_a_text_keeps_its_number_even_when_all_share_a_hash(batches, kinds_of_hash):
    """Hashes of one or two values make every text look like the next one."""
    texts, numbers = Texts(), {}

    def hashed(words):
        return np.array([hash(word) % kinds_of_hash if word is not None else 0 for word in words], np.uint64)

    for words in batches:
        fresh = [word for word in words if word not in numbers]
        texts.add(pa.array(fresh, pa.string()), hashed(fresh))
        numbers |= {word: len(numbers) + turn for turn, word in enumerate(fresh)}
        asked = [*numbers, None, "no such word", *words]
        found = texts.find(pa.chunked_array([pa.array(asked, pa.string())]), hashed(asked))
        assert found.tolist() == [numbers.get(word, NOT_THERE) for word in asked]


def test_a_table_of_many_texts_grows():
    texts, words = Texts(), [f"w{n}" for n in range(5_000)]
    hashes = np.random.default_rng(3).integers(0, 1 << 63, 5_000).astype(np.uint64)
    for start in range(0, 5_000, 700):
        texts.add(pa.array(words[start : start + 700]), hashes[start : start + 700])
    assert texts.find(pa.chunked_array([words]), hashes).tolist() == list(range(5_000))


@settings(max_examples=100, deadline=None)
@given(st.lists(HASH, unique=True, min_size=1, max_size=40), st.integers(0, 40))
def test_hashes_that_share_their_first_half_have_traces_of_their_own(marks, cut):
    marks = [high + low for high, low in marks]
    known = Known()
    numbers = {mark: 3 * turn + 1 for turn, mark in enumerate(marks)}
    for kind, part in (("phone", marks[:cut]), ("openid", marks[cut:])):
        known.add(kind, halves(b"".join(part)), np.array([numbers[mark] for mark in part], np.int32))
    asked = [*marks, b"no such hash 123"]
    assert known.traces(halves(b"".join(asked))).tolist() == [numbers.get(mark, 0) for mark in asked]
    place = known.rows(np.array([*numbers.values(), 2, -1, 10_000], np.int32))
    assert place[-3:].tolist() == [-1, -1, -1]
    assert known.hashes(place[:-3]).to_pylist() == marks
    assert known.kinds(place[:-3]).to_pylist() == ["phone"] * len(marks[:cut]) + ["openid"] * len(marks[cut:])


@settings(max_examples=50, deadline=None)
@given(st.lists(HASH, max_size=30))
def test_distinct_hashes_come_in_the_order_of_their_bytes(marks):
    marks = [high + low for high, low in marks]
    found, which = distinct(halves(b"".join(marks)))
    assert whole(found).to_pylist() == sorted(set(marks))
    assert [whole(found).to_pylist()[place] for place in which] == marks


def test_what_is_known_is_read_from_the_rows_of_traces():
    rows = {
        "kind": pa.chunked_array([["phone", "openid"], ["phone"]]),
        "hash": pa.chunked_array([pa.array([b"a" * 16, b"b" * 16], pa.binary()), pa.array([b"c" * 16], pa.binary())]),
        "trace": pa.array([3, 1, 7], pa.int32()),
    }
    known = known_of(pa.table(rows).slice(1))
    assert known.traces(halves(b"a" * 16 + b"b" * 16 + b"c" * 16)).tolist() == [0, 1, 7]


def test_identifiers_stay_with_their_rows_in_a_large_file(tmp_path):
    """Values that need the engine's reading and values that do not, in one file of several engine blocks."""
    mapping = "{id: acts, files: [a*], identifiers: {member_no: m}, " \
              "events: [{name: e, happened_at: t, session: s}]}"  # fmt: skip
    intake = Intake(tmp_path, mapping)
    rows = [f"{' ' if n % 3 else ''}A{n * 7919 % 100_003},看,2026-08-01,s{n * 7919 % 100_003}" for n in range(300_000)]
    intake.put("a.csv", "m,e,t,s\n" + "\n".join(rows) + "\n")
    assert intake.load().counts.used == 300_000
    found = intake.ask("SELECT count(DISTINCT trace) AS traces, count(DISTINCT (trace, session)) AS pairs FROM events")
    assert found == [{"traces": 100_003, "pairs": 100_003}]
