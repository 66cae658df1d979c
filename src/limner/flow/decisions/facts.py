"""Reading single answers of the gallery for a set of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from limner.core.exact import MONEY_UNIT

if TYPE_CHECKING:
    from limner.store.gallery import Version

Ints = npt.NDArray[np.int64]


def numbers_of(version: Version, name: str, numbers: Ints, unknown: int = 0) -> Ints:
    """A number, day or money column for these customers, shape (n,); a column that is not there is unknown to all."""
    found = np.full(numbers.size, unknown, np.int64)
    if name not in version.headers:
        return found
    column = version.column(name)
    here = np.flatnonzero(numbers < column.header.rows)
    found[here] = column.values[numbers[here]].astype(np.int64)
    if column.valid is not None:
        at = numbers[here]
        known = (column.valid[at >> 3] >> (at & 7).astype(np.uint8)) & 1
        found[here[known == 0]] = unknown
    return found


def worth_of(version: Version, name: str, numbers: Ints) -> Ints:
    """A column as ten-thousandths of the currency, unknown as zero: money as it is, other numbers scaled."""
    if not name or name not in version.headers:
        return np.zeros(numbers.size, np.int64)
    column = version.column(name)
    if column.header.type == "money":
        return numbers_of(version, name, numbers)
    here = np.flatnonzero(numbers < column.header.rows)
    found = np.zeros(numbers.size, np.int64)
    raw = np.nan_to_num(column.values[numbers[here]].astype(np.float64))
    found[here] = np.round(raw * MONEY_UNIT).astype(np.int64)
    return found


def texts_of(version: Version, name: str, numbers: Ints) -> npt.NDArray[np.object_]:
    """A text column for these customers; "" where unknown."""
    found = np.full(numbers.size, "", object)
    if name in version.headers and version.headers[name].type == "text":
        column = version.column(name)
        codes = numbers_of(version, name, numbers, unknown=-1)
        words = np.asarray([*column.words, ""], object)
        found = words[codes]
    return found
