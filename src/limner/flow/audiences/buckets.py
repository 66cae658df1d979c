"""A column's answers as a few buckets, chosen by looking at the base alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from limner.core.exact import from_units
from limner.store.gallery.bits import unpack

if TYPE_CHECKING:
    from limner.store.gallery import Column

MOST_TEXTS: Final = 20
FEW_VALUES: Final = 8
QUANTILES: Final = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True, slots=True)
class Buckets:
    """The bucket of each customer (-1: unknown), what the buckets are called, and which of them are worth showing."""

    codes: NDArray[np.int32]
    labels: tuple[str, ...]
    shown: tuple[int, ...]


def buckets(column: Column, base: NDArray[np.bool_]) -> Buckets | None:
    """The buckets of a column; None when nobody in the base has a known answer, or all have the same.

    `base` has shape (size of the gallery,). Numbers with at most 8 different answers in the base keep them, others are
    cut at the base's quintiles; equal values always share a bucket.
    """
    rows = min(column.header.rows, base.size)
    known = unpack(column.known(rows), rows)
    in_base = known & base[:rows]
    if not in_base.any():
        return None
    labels: tuple[str, ...]
    match column.header.type:
        case "bool":
            codes, labels = unpack(column.yes(rows), rows).astype(np.int32), ("no", "yes")
        case "text":
            codes, labels = column.values[:rows].astype(np.int32), column.words
        case _:
            codes, labels = _numbers(column, rows, in_base)
    codes = np.where(known, codes, np.int32(-1))
    sizes = np.bincount(codes[in_base], minlength=len(labels))
    shown = np.argsort(-sizes, kind="stable")[: MOST_TEXTS if column.header.type == "text" else len(labels)]
    shown = shown[sizes[shown] > 0]
    if np.count_nonzero(sizes) < 2:
        return None
    return Buckets(codes, tuple(labels), tuple(shown.tolist()))


def _numbers(column: Column, rows: int, in_base: NDArray[np.bool_]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    values = column.values[:rows]
    seen = values[in_base]
    few = _few(seen)
    if few is not None:
        codes = np.minimum(np.searchsorted(few, values), few.size - 1)
        is_new = few[codes] != values
        labels = [_label(column, value) for value in few.tolist()]
        return np.where(is_new, few.size, codes).astype(np.int32), (*labels, "other")
    edges = np.unique(np.quantile(seen, QUANTILES, method="inverted_cdf"))
    codes = np.searchsorted(edges, values, side="left").astype(np.int32)
    shown = [_label(column, edge) for edge in edges.tolist()]
    between = [f"({low}, {high}]" for low, high in itertools.pairwise(shown)]
    return codes, (f"≤ {shown[0]}", *between, f"> {shown[-1]}")


def _few(seen: NDArray[Any]) -> NDArray[Any] | None:
    """The different values when there are only a few; looks at a part first, so that a long column costs little."""
    if np.unique(seen[:10_000]).size > FEW_VALUES:
        return None
    found = np.unique(seen)
    return found if found.size <= FEW_VALUES else None


def _label(column: Column, value: float) -> str:
    if column.header.type == "money":
        amount = from_units(int(value)).normalize()
        return format(amount if amount != amount.to_integral_value() else Decimal(int(amount)), "f")
    return f"{value:g}" if column.header.type == "float" else str(int(value))
