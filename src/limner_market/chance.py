"""Chance as an argument: keyed draws that do not depend on who else is drawn for.

A keyed draw is a hash of (seed, purpose, keys). The same person has the same luck on the same day whether or not a
message reached them, so the difference between two worlds is the effect of the message and nothing else.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words64 = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


def root(seed: int, purpose: str) -> int:
    """A 64-bit number for (seed, purpose); the start of every draw.

    >>> root(1, "orders") == root(1, "orders"), root(1, "orders") == root(2, "orders")
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed}|{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A counter-based generator of its own for (seed, purpose), for draws that are made once and never asked for
    singly."""
    return np.random.Generator(np.random.Philox(key=root(seed, purpose)))


def keyed(seed: int, purpose: str, *keys: NDArray[np.generic] | int) -> Words64:
    """64 mixed bits per row of `keys` (splitmix64 finaliser, once per key). Empty keys give an empty array."""
    with np.errstate(over="ignore"):
        word = np.atleast_1d(np.asarray(np.uint64(root(seed, purpose))))
        for key in keys:
            part = np.asarray(key).astype(np.uint64)
            word = word ^ (part * _GOLDEN + _GOLDEN)
            word = (word ^ (word >> _S30)) * _MIX_1
            word = (word ^ (word >> _S27)) * _MIX_2
            word = word ^ (word >> _S31)
    return word


def uniform(seed: int, purpose: str, *keys: NDArray[np.generic] | int) -> Floats:
    """Uniform draws in [0, 1), one per row of `keys`.

    >>> one = uniform(7, "example", np.arange(3))
    >>> bool((one == uniform(7, "example", np.arange(3))).all())
    True
    """
    return (keyed(seed, purpose, *keys) >> _S11).astype(np.float64) * _UNIT


def normal(seed: int, purpose: str, *keys: NDArray[np.generic] | int) -> Floats:
    """Standard normal draws, one per row of `keys` (Box and Muller)."""
    first = 1.0 - uniform(seed, purpose + "/radius", *keys)
    second = uniform(seed, purpose + "/angle", *keys)
    return np.asarray(np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second))


def poisson(mean: Floats, luck: Floats, most: int = 8) -> Ints:
    """Poisson counts by inversion of `luck`, capped at `most`; monotone in `luck`, so a larger mean never gives
    fewer."""
    count = np.zeros(mean.shape, dtype=np.int64)
    term = np.exp(-mean)
    total = term.copy()
    for step in range(1, most + 1):
        count += luck >= total
        term = term * mean / step
        total = total + term
    return count
