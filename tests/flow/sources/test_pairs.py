"""Pairs of identifiers come once per load, at their earliest moment, however the rows are cut into batches."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.flow.sources.pairs import Pairs

ROW = st.fixed_dictionaries(
    {
        "load": st.sampled_from([1, 1, 2]),
        "trace": st.sampled_from([None, 1, 2, 3]),
        "a": st.sampled_from([None, 1, 2, 3]),
        "b": st.sampled_from([None, 1, 2, 4, 5]),
        "moment": st.integers(0, 20),
    }
)
TYPES = {
    "load": pa.int64(), "trace": pa.int32(), "a": pa.int32(), "b": pa.int32(), "moment": pa.timestamp("us", tz="UTC"),
}  # fmt: skip


def table(rows):
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in TYPES.items()})


def expected(rows, told):
    """What `new` must say of a batch, row by row; `told` is brought up to it."""
    first = {}
    for row in rows:
        for trace in (row["a"], row["b"]):
            if trace:
                key = row["load"], trace, None if trace == row["trace"] else row["trace"]
                first[key] = min(first.get(key, row["moment"]), row["moment"])
    found = {(*key, at) for key, at in first.items() if key not in told or at < told[key]}
    for key, at in first.items():
        told[key] = min(at, told.get(key, at))
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(ROW, max_size=12), max_size=5))
def test_a_pair_comes_again_only_when_it_was_stated_earlier(batches):
    pairs, told = Pairs(), {}
    for rows in batches:
        found = pairs.new(table(rows), ["a", "b"])
        moments = found["moment"].cast(pa.int64()).to_pylist()
        names = (found[name].to_pylist() for name in ("load", "trace", "with_trace"))
        got = list(zip(*names, moments, strict=True))
        assert len(got) == len(set(got))
        assert set(got) == expected(rows, told)
