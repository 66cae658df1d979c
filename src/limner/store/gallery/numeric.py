"""The answers of a column as numbers: NaN where unknown, money in units, days as days before the asof.

A date itself would be a calendar that never comes again; an age comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from limner.store.gallery.column import Array, Column

NUMERIC: Final = frozenset({"int", "float", "money", "bool", "day"})
"""The types of columns that are numbers."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def numbers_at(column: Column, places: npt.NDArray[np.integer], asof_day: int) -> Floats:
    """The answers of some customers, shape (n,)."""
    stored, known = stored_at(column, places)
    values = as_numbers(column, stored, asof_day)
    values[~known] = np.nan
    return values


def numbers_of(column: Column, first: int, last: int, asof_day: int) -> Floats:
    """The answers of the customers from `first`, a multiple of eight, to before `last`."""
    stored, known = stretch(column, first, last)
    values = as_numbers(column, stored, asof_day)
    if not known.all():
        values[~known] = np.nan
    return values


def stretch(column: Column, first: int, last: int) -> tuple[Array, Bools]:
    """The values as they are stored (0 where there are none) and which are known, of customers from `first`, a multiple
    of eight, to before `last`."""
    many, here = last - first, max(0, min(last, column.header.rows) - first)
    is_bool = column.header.type == "bool"
    stored = _unpacked(column.values, first, here) if is_bool else column.values[first : first + here]
    known = np.ones(here, np.bool_) if column.valid is None else _unpacked(column.valid, first, here)
    if here < many:
        stored, known = np.pad(stored, (0, many - here)), np.pad(known, (0, many - here))
    return stored, known


def stored_at(column: Column, places: npt.NDArray[np.integer]) -> tuple[Array, Bools]:
    """The values of some customers as they are stored (0 where there are none), and which are known."""
    rows = column.header.rows
    is_here = places < rows
    if not rows:
        return np.zeros(places.size, np.int8), is_here
    at = np.where(is_here, places, 0)
    stored = _bits(column.values, at) if column.header.type == "bool" else column.values[at]
    return stored, is_here if column.valid is None else is_here & _bits(column.valid, at)


def as_numbers(column: Column, stored: Array, asof_day: int) -> Floats:
    """Values as they are stored, as numbers; shape as given."""
    values: Floats = stored.astype(np.float64)
    match column.header.type:
        case "money":
            values /= 10_000
        case "day":
            values = asof_day - values
    return values


def _unpacked(packed: npt.NDArray[np.uint8], first: int, many: int) -> Bools:
    part = packed[first // 8 : (first + many + 7) // 8]
    return np.unpackbits(part, bitorder="little", count=many).view(np.bool_)


def _bits(packed: npt.NDArray[np.uint8], at: npt.NDArray[np.integer]) -> Bools:
    found: Bools = ((packed[at >> 3] >> (at & 7).astype(np.uint8)) & 1).astype(np.bool_)
    return found
