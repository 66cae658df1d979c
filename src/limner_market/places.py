"""The shops of 「南枝」: code, name, city, branch and point."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from limner_market.chance import Floats


@dataclass(frozen=True, slots=True)
class Shops:
    """All shops, one tuple per column; `weight` is the share of members whose home shop it is (sums to one)."""

    code: tuple[str, ...]
    name: tuple[str, ...]
    city: tuple[str, ...]
    org: tuple[str, ...]
    longitude: tuple[float, ...]
    latitude: tuple[float, ...]
    weight: Floats


@cache
def read_shops() -> Shops:
    """The shops as listed in `places.toml`.

    >>> read_shops().org[0]
    '总部/华东/上海'
    """
    rows = tomllib.loads(files(__package__).joinpath("places.toml").read_text("utf-8"))["shops"]
    code, name, city, branch, longitude, latitude, weight = zip(*rows, strict=True)
    share = np.asarray(weight, dtype=np.float64)
    org = tuple(f"总部/{part}" for part in branch)
    return Shops(code, name, city, org, longitude, latitude, share / share.sum())
