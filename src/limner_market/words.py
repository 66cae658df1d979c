"""Made-up names of people."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@cache
def _parts() -> tuple[pa.Array, pa.Array]:
    table = tomllib.loads(files(__package__).joinpath("names.toml").read_text("utf-8"))
    return pa.array(table["surnames"]), pa.array(table["given"])


def made_up_names(rng: np.random.Generator, count: int) -> pa.Array:
    """`count` names, common surnames more often than rare ones."""
    surnames, given = _parts()
    common = 1.0 / (np.arange(len(surnames)) + 4.0)
    first = rng.choice(len(surnames), count, p=common / common.sum())
    second = rng.integers(0, len(given), count)
    return pc.binary_join_element_wise(surnames.take(pa.array(first)), given.take(pa.array(second)), "")
