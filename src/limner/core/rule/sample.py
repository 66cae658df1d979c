"""A lasting draw of customers by a salt, in whole numbers only, so that every engine draws the same ones.

A customer number is moved about below a prime by rounds of adding a key of the salt and cubing (the shape of MiMC,
Albrecht et al., ASIACRYPT 2016): a permutation, since 3 does not divide prime − 1. No product reaches 2^63.
"""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal
from fractions import Fraction
from typing import Final

PRIME: Final = 2_147_483_579
"""The largest prime below 2^31 below which cubing is a permutation."""
_ROUNDS: Final = 6


def keys(salt: str) -> tuple[int, ...]:
    """What each round adds."""
    wide = hashlib.sha256(f"sample|{salt}".encode()).digest()
    return tuple(int.from_bytes(wide[4 * n : 4 * n + 4], "big") % PRIME for n in range(_ROUNDS))


def bound(share: Decimal | int) -> int:
    """Places below it are drawn.

    >>> bound(1) == PRIME
    True
    """
    return math.ceil(Fraction(share) * PRIME)


def place(number: int, salt: str) -> int:
    """Where a customer stands, from 0 to PRIME − 1.

    >>> 0 <= place(7, "spring") < PRIME
    True
    """
    found = number % PRIME
    for key in keys(salt):
        found = (found + key) % PRIME
        found = found * found % PRIME * found % PRIME
    return found
