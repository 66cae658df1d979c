"""Which arm a customer falls into: a salted 64-bit mix of the customer's number, read as a share in [0, 1).

The mix is splitmix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"). Every experiment has
its own salt, so that the arms of two experiments are independent. A draw is a pure function of number and salt: the
scalar and the vector form give the same share, bit by bit.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

_STEP: Final = 0x9E3779B97F4A7C15
_MIX1: Final = 0xBF58476D1CE4E5B9
_MIX2: Final = 0x94D049BB133111EB
_FULL: Final = 0xFFFFFFFFFFFFFFFF
_UNIT: Final = 2.0**-53


def salt(experiment: str) -> int:
    """The salt of an experiment id: the first eight bytes of its SHA-256.

    >>> salt("win-back") == salt("win-back"), salt("win-back") == salt("win-back-2")
    (True, False)
    """
    return int.from_bytes(hashlib.sha256(experiment.encode("utf-8")).digest()[:8], "big")


def _mix(word: int) -> int:
    word = (word + _STEP) & _FULL
    word = ((word ^ (word >> 30)) * _MIX1) & _FULL
    word = ((word ^ (word >> 27)) * _MIX2) & _FULL
    return word ^ (word >> 31)


def share(number: int, salt: int) -> float:
    """Where one customer falls in [0, 1) under a salt; held out when it lies below the hold-out's share.

    >>> round(share(7, salt("win-back")), 6) == round(float(shares(np.array([7]), salt("win-back"))[0]), 6)
    True
    """
    return (_mix(_mix(number & _FULL) ^ (salt & _FULL)) >> 11) * _UNIT


def shares(numbers: npt.ArrayLike, salt: int) -> npt.NDArray[np.float64]:
    """Where each customer falls in [0, 1): shape (n,) of numbers to shape (n,) of shares; empty in, empty out.

    >>> shares(np.arange(100_000), salt("a")).mean().round(2)
    np.float64(0.5)
    """
    word = np.asarray(numbers, dtype=np.int64).astype(np.uint64)
    word = _mixed(_mixed(word) ^ np.uint64(salt & _FULL))
    return (word >> np.uint64(11)).astype(np.float64) * _UNIT


def _mixed(word: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    word = word + np.uint64(_STEP)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(_MIX1)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(_MIX2)
    return word ^ (word >> np.uint64(31))


def combined(*held: float) -> float:
    """The share held out by any of several independent hold-outs.

    >>> round(combined(0.02, 0.10), 3)
    0.118
    """
    kept = 1.0
    for one in held:
        kept *= 1.0 - one
    return 1.0 - kept
