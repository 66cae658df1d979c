"""The figures of a column of numbers are those of a plain reading of its answers, however they are stored."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from limner.core.ours import Tag
from limner.flow.tags.figures import QUANTILES, figures
from limner.store.gallery import Gallery

DAY = 20_000
VALUES = {
    "int": st.one_of(st.integers(-3, 3), st.integers(-40_000, 40_000), st.integers(-(10**12), 10**12)),
    "money": st.integers(-(10**9), 10**9),
    "float": st.floats(-1e6, 1e6, width=32),
    "day": st.integers(DAY - 400, DAY + 400),
}


def told(kind, answer):
    return {"money": answer / 10_000, "day": DAY - answer}.get(kind, float(answer))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(VALUES)), st.data())
def test_they_are_those_of_a_plain_reading(kind, data):
    answers = data.draw(st.lists(st.one_of(VALUES[kind], st.none()), min_size=1, max_size=40))
    gone = data.draw(st.sets(st.integers(0, len(answers) - 1), max_size=3))
    usual = data.draw(st.sampled_from([None, 0, 1]))
    with tempfile.TemporaryDirectory() as folder:
        draft = Gallery(Path(folder)).draft()
        draft.put_living(BitMap(range(len(answers))) - BitMap(gone), len(answers))
        stored = np.array([0 if answer is None else answer for answer in answers])
        draft.put("c", stored, np.array([answer is not None for answer in answers]), type=kind)
        version = draft.seal("one")
        tag = Tag("c", type=kind, otherwise=usual)
        found = figures(version, tag, "c", None, asof_day=DAY, least=1)
        again = figures(version, tag, "c", found, asof_day=DAY, least=1)
    plain = sorted(told(kind, one) for at, one in enumerate(answers) if at not in gone and one is not None)
    assert (found.customers, found.known) == (len(answers) - len(gone), len(plain))
    assert found.held == len(plain) - plain.count(usual)
    assert found.different == len(set(plain))
    places = [round(share * (len(plain) - 1)) for share in QUANTILES] if plain else []
    assert found.quantiles == pytest.approx(tuple(plain[place] for place in places), rel=1e-12)
    bounds = [-np.inf, *found.cuts, np.inf]
    counts = [sum(low < one <= high for one in plain) for low, high in pairwise(bounds)]
    assert found.counts == (*counts, found.customers - found.known)
    assert again.drift in (None, 0.0)
