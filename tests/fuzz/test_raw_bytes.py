"""Raw bytes at every decoder: at random, and out of what it understands with pieces changed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.decoders import TARGETS

_EDGES = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\n",
    b'"',
    b"[" * 200,
    b"1e400",
    b"\x1f\x8b\x08",
    "\u2028".encode(),
)


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with some of its pieces taken out, put twice, or replaced."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = draw(st.one_of(st.binary(max_size=8), st.sampled_from(_EDGES), st.just(bytes(data[start:end]) * 2)))
        data[start:end] = piece
    return bytes(data)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_whatever_comes_is_answered(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(st.one_of(mutated(target.seeds), st.binary(max_size=300)))
    def hold(data: bytes) -> None:
        target.call(data)

    for seed in target.seeds:
        target.call(seed)
    hold()
