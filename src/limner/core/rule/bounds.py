"""A number compared with whole numbers, exactly: the comparison of integers that says the same, or its answer."""

from __future__ import annotations

import math
from decimal import Decimal


def whole(op: str, value: int | Decimal, low: int, high: int) -> tuple[str, int] | bool:
    """`x op value` for integers x in [low, high] as a comparison with an integer in the same range.

    True or False when every x gives the same answer.

    >>> whole(">=", Decimal("2.5"), -128, 127), whole("<", 300, -128, 127), whole("==", Decimal("2.5"), -128, 127)
    (('>', 2), True, False)
    """
    floor = math.floor(value)
    if floor != value:
        if op in ("==", "!="):
            return op == "!="
        op = "<=" if op in ("<", "<=") else ">"
    if low <= floor <= high:
        return op, floor
    return op == "!=" or ((op in ("<", "<=")) == (floor > high) and op != "==")
