"""Values on their way into a column: the type they are stored in, exact and as small as fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from limner.core.errors import BadInput, words
from limner.core.rule.lexicon import Type
from limner.store.gallery.column import Array

if TYPE_CHECKING:
    import pyarrow as pa

UNFIT = words("gallery_values_unfit", "The column {name!r} is {type}: {found} cannot be stored in it.")

_WIDTHS: Final = (np.int8, np.int16, np.int32, np.int64)
_DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "money": np.dtype(np.int64),
    "day": np.dtype(np.int32),
    "instant": np.dtype(np.int64),
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """Values as they are stored; `known` is None when every answer is known; `words` the dictionary of text."""

    type: Type
    values: Array
    known: NDArray[np.bool_] | None = None
    words: tuple[str, ...] = ()


def encode(
    name: str, type_: Type, values: Array, known: NDArray[np.bool_] | None, words: Sequence[str] = ()
) -> Encoded:
    """An array as a column stores it: codes for text, ten-thousandths for money; NaN is unknown.

    >>> encode("orders", "int", np.array([3, 200]), None).values.dtype.name
    'int16'
    """
    if known is not None and known.all():
        known = None
    if not values.size and values.dtype.kind != "b":
        values = np.zeros(0, np.float64 if type_ == "float" else np.int64)
    if type_ == "float":
        values = values if values.dtype == np.float32 else values.astype(np.float64, copy=False)
        missing = np.isnan(values)
        if missing.any():
            known = ~missing if known is None else known & ~missing
    elif type_ == "bool":
        values = values.astype(np.bool_, copy=False)
    elif values.dtype.kind not in "iub":
        raise BadInput(UNFIT, name=name, type=type_, found=f"an array of {values.dtype}")
    if known is not None and not known.all():
        values = np.where(known, values, values.dtype.type(0))
    if type_ in ("int", "text"):
        values = values.astype(smallest(values), copy=False)
    elif type_ in _DTYPES:
        values = np.asarray(values, _DTYPES[type_])
    return Encoded(type_, values, known, tuple(words))


def smallest(values: Array) -> np.dtype[Any]:
    """The smallest signed integer that holds all values."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    return np.dtype(next(w for w in _WIDTHS if np.iinfo(w).min <= low and high <= np.iinfo(w).max))


def encode_text(texts: Sequence[str | None]) -> tuple[Array, NDArray[np.bool_], tuple[str, ...]]:
    """Codes, known and dictionary of a list of texts; the dictionary is sorted."""
    kept = tuple(sorted({text for text in texts if text is not None}))
    codes = {word: code for code, word in enumerate(kept)}
    values = np.fromiter((0 if text is None else codes[text] for text in texts), np.int64, len(texts))
    return values, np.fromiter((text is not None for text in texts), np.bool_, len(texts)), kept


def encode_arrow(name: str, column: pa.ChunkedArray | pa.Array, type_: Type | None = None) -> Encoded:
    """An Arrow column as it is stored. The type is read off the Arrow type when it is not given.

    decimal → money, date32 → day, timestamp → instant, string or dictionary → text, integers → int.
    """
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    wanted = type_ or type_of(name, array.type)
    known = np.asarray(array.is_valid()) if array.null_count else None
    if wanted == "text":
        return _arrow_text(name, array, known)
    return encode(name, wanted, _arrow_values(name, array, wanted), known)


def type_of(name: str, arrow: pa.DataType) -> Type:
    """The column type an Arrow type becomes."""
    import pyarrow.types as t

    tests: tuple[tuple[Any, Type], ...] = (
        (t.is_boolean, "bool"),
        (t.is_integer, "int"),
        (t.is_floating, "float"),
        (t.is_decimal, "money"),
        (t.is_date, "day"),
        (t.is_timestamp, "instant"),
        (lambda a: t.is_string(a) or t.is_large_string(a) or t.is_dictionary(a) or t.is_string_view(a), "text"),
    )
    for test, found in tests:
        if test(arrow):
            return found
    raise BadInput(UNFIT, name=name, type="of no known type", found=str(arrow))


def _arrow_values(name: str, array: pa.Array, wanted: Type) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    try:
        if wanted == "money":
            return _units(array if t.is_decimal(array.type) else array.cast(pa.decimal128(18, 4)))
        if wanted == "int" and t.is_decimal(array.type):
            array = array.cast(pa.int64())
        if wanted == "day" and not t.is_integer(array.type):
            array = array.cast(pa.date32()).cast(pa.int32())
        if wanted == "instant" and not t.is_integer(array.type):
            array = array.cast(pa.timestamp("us", tz=getattr(array.type, "tz", None))).cast(pa.int64())
        if wanted == "float":
            array = array if t.is_float32(array.type) else array.cast(pa.float64())
        if wanted == "bool":
            array = array.cast(pa.bool_())
    except pa.ArrowException as error:
        raise BadInput(UNFIT, name=name, type=wanted, found=f"{array.type} ({error})") from None
    filled = pc.fill_null(array, False if wanted == "bool" else 0) if array.null_count else array
    return np.asarray(filled.to_numpy(zero_copy_only=False))


def _units(array: pa.Array) -> Array:
    """Ten-thousandths of a decimal array, read from the low halves of its 128-bit values."""
    import pyarrow as pa

    array = array.cast(pa.decimal128(18, 4))
    halves = np.frombuffer(array.buffers()[1], np.int64, 2 * (len(array) + array.offset))
    return halves[2 * array.offset :: 2]


def _arrow_text(name: str, array: pa.Array, known: NDArray[np.bool_] | None) -> Encoded:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as t

    if not t.is_dictionary(array.type):
        array = pc.dictionary_encode(array.cast(pa.string()))
    kept = [str(word) for word in array.dictionary.to_pylist()]
    order = sorted(range(len(kept)), key=kept.__getitem__)
    rank = np.empty(max(len(kept), 1), np.int64)
    rank[order] = np.arange(len(kept))
    codes = np.asarray(pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False), np.int64)
    return encode(
        name, "text", rank[codes] if kept else np.zeros(len(array), np.int64), known, [kept[i] for i in order]
    )


def stored_value(type_: Type, value: object) -> Any:
    """One Python value as the column's integer, float or truth; text is not encoded here."""
    if type_ == "money":
        from limner.core.exact import to_units

        return to_units(value) if isinstance(value, Decimal | int | str) else value
    if type_ == "day" and isinstance(value, date) and not isinstance(value, datetime):
        return (value - date(1970, 1, 1)).days
    if type_ == "instant" and isinstance(value, datetime):
        from limner.store.gallery.column import EPOCH

        past = value - EPOCH
        return past.days * 86_400_000_000 + past.seconds * 1_000_000 + past.microseconds
    return value
