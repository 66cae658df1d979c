"""Records that state the very same are one record to a model: a file given twice teaches it nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limner.flow.identity.matching.base import Ints, Records
from limner.flow.identity.matching.coded import coded
from limner.maths.blocks import together


@dataclass(frozen=True, slots=True)
class Unique:
    """Records that differ in what they state, in the order of that, and which of them each record is."""

    first: Ints
    of: Ints
    count: Ints


def unique_records(records: Records) -> Unique:
    """Each different record once, sorted by what it says: the same whatever the order of the rows."""
    size = records.trace.size
    whole = np.zeros(size, np.int64)
    for role in sorted(records.columns):
        whole = together([whole, coded(records.columns[role]).code + 1])
    _, first, of, count = np.unique(whole, return_index=True, return_inverse=True, return_counts=True)
    return Unique(first, of, count)


def apart(owner: Ints, low: Ints, high: Ints) -> np.ndarray:
    one, other = owner[low], owner[high]
    return np.asarray((one >= 0) & (other >= 0) & (one != other))
