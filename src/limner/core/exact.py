"""Exact numbers: money in ten-thousandths, weights in 2^-32."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

MONEY_UNIT = 10_000
"""Units of a stored amount in one unit of the currency: int64 ten-thousandths, decimal(18,4)."""

WEIGHT_UNIT = 1 << 32
"""A stored weight is round(w * 2^32) in int64, so that sums do not depend on order."""

_CENT = Decimal("0.0001")


def to_units(amount: Decimal | int | str) -> int:
    """Ten-thousandths of an amount, half to even.

    >>> to_units("12.34")
    123400
    """
    return int((Decimal(amount).quantize(_CENT, ROUND_HALF_EVEN)) * MONEY_UNIT)


def from_units(units: int) -> Decimal:
    """The amount of a number of ten-thousandths.

    >>> from_units(123400)
    Decimal('12.3400')
    """
    return Decimal(int(units)).scaleb(-4)
