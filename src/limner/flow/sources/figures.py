"""A whole column of plain numbers read at once: a sign perhaps, up to thirteen digits, up to four decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from limner.flow.sources.plain import laid

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

_LONGEST: Final = 19
_DIGITS, _DECIMALS = 13, 4
_UNITS: Final = {Decimal(1).scaleb(-k): 10**k for k in range(_DECIMALS + 1)}
_EXACT: Final = 1 << 53
"""Whole numbers below are numbers a float can hold."""


class Figures(NamedTuple):
    """Values, null where a text is empty or not read, and how many were not read."""

    values: pa.ChunkedArray
    left: int


def figures(column: pa.ChunkedArray, unit: Decimal, *, is_float: bool) -> Figures | None:
    """The numbers of a column of text times their unit; decimal(18,4), or float where asked.

    Only what is exact is read: of cents those that are whole ten-thousandths. None for a unit that is no power of ten
    from 1 to 0.0001.

    >>> import pyarrow as pa
    >>> found = figures(pa.chunked_array([["-1.5", "", "12,34"]]), Decimal(1), is_float=False)
    >>> found.values.to_pylist(), found.left
    ([Decimal('-1.5000'), None, None], 1)
    """
    import numpy as np
    import pyarrow as pa

    share = _UNITS.get(unit)
    if share is None:
        return None
    read, left = [], 0
    for chunk in column.chunks:
        whole, is_read, is_filled = _ten_thousandths(chunk)
        is_read &= whole % share == 0
        whole //= share
        if is_float:
            is_read &= np.abs(whole) < _EXACT
        left += int(np.count_nonzero(is_filled & ~is_read))
        read.append(_floats(whole, is_read) if is_float else _decimals(whole, is_read))
    return Figures(pa.chunked_array(read, pa.float64() if is_float else pa.decimal128(18, _DECIMALS)), left)


def _ten_thousandths(chunk: pa.Array) -> tuple[Ints, Flags, Flags]:
    """Each text as whole ten-thousandths, whether it was read, and whether there was one."""
    import numpy as np

    data, lengths = laid(chunk)
    starts = np.cumsum(lengths) - lengths
    is_filled = lengths > 0
    is_good = is_filled & (lengths <= _LONGEST)
    whole = np.zeros(len(chunk), np.int64)
    digits, decimals = np.zeros(len(chunk), np.int8), np.zeros(len(chunk), np.int8)
    has_point, is_less = np.zeros(len(chunk), np.bool_), np.zeros(len(chunk), np.bool_)
    for place in range(min(int(lengths.max(initial=0)), _LONGEST)):
        sign = data[np.minimum(starts + place, len(data) - 1)]
        is_here = lengths > place
        digit = sign - np.uint8(48)
        is_digit = is_here & (digit <= 9)
        whole = np.where(is_digit, whole * 10 + digit, whole)
        decimals += is_digit & has_point
        digits += is_digit & ~has_point
        is_point = is_here & (sign == ord(".")) & ~has_point
        is_known = is_digit | is_point
        if place == 0:
            is_less = is_here & (sign == ord("-"))
            is_known |= is_less | (is_here & (sign == ord("+")))
        is_good &= is_known | ~is_here
        has_point |= is_point
    is_good &= (digits > 0) & (digits <= _DIGITS) & (decimals <= _DECIMALS) & ((decimals > 0) | ~has_point)
    whole *= 10 ** (_DECIMALS - np.minimum(decimals, _DECIMALS)).astype(np.int64)
    return np.where(is_less, -whole, whole), is_good, is_filled


def _decimals(whole: Ints, is_read: Flags) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    both = np.stack([whole, whole >> 63], axis=1)  # the low and the high half of a number of 128 bits
    is_valid = pa.array(is_read).buffers()[1]
    return pa.Array.from_buffers(pa.decimal128(18, _DECIMALS), len(whole), [is_valid, pa.py_buffer(both)])


def _floats(whole: Ints, is_read: Flags) -> pa.Array:
    import pyarrow as pa

    return pa.array(whole / 10**_DECIMALS, mask=~is_read)
