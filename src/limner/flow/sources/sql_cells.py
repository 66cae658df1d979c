"""Values of a database as Arrow columns: decimals stay decimals, wall times stay wall times, the rest is exact text."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class Odd(Exception):
    """A value that does not fit the type its column began with: the column must be read as text."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def schema_of(names: Sequence[str], columns: Sequence[Sequence[Any]], texts: Collection[str]) -> pa.Schema:
    """The types of columns by the first of their values; those in `texts`, and those without a value, are text."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(name, pa.string() if name in texts else _type(values))
            for name, values in zip(names, columns, strict=True)
        ]
    )


def _type(values: Sequence[Any]) -> pa.DataType:
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds == {datetime}:
        zones = {value.tzinfo is not None for value in values if value is not None}
        return pa.string() if len(zones) > 1 else pa.timestamp("us", "UTC" if zones == {True} else None)
    if kinds == {Decimal}:
        places = max((_places(value) for value in values if value is not None), default=0)
        return pa.decimal128(38, places) if 0 <= places <= 20 else pa.string()
    simple: Mapping[type, pa.DataType] = {
        bool: pa.bool_(), int: pa.int64(), float: pa.float64(), date: pa.date32(), str: pa.string()
    }  # fmt: skip
    return simple.get(next(iter(kinds)), pa.string()) if len(kinds) == 1 else pa.string()


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 99  # NaN and infinity are none of ours


def as_batch(schema: pa.Schema, columns: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Columns of values as a batch. Raises Odd for the first that does not fit."""
    import pyarrow as pa

    arrays = []
    for field, values in zip(schema, columns, strict=True):
        if pa.types.is_string(field.type):
            arrays.append(pa.array([as_text(value) for value in values], pa.string()))
            continue
        try:
            if {type(value) for value in values if value is not None} - _CLASSES[str(field.type)[:4]]:
                raise Odd(field.name)
            if pa.types.is_timestamp(field.type) and any(
                value is not None and (value.tzinfo is None) != (field.type.tz is None) for value in values
            ):
                raise Odd(field.name)
            arrays.append(pa.array(values, field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError):
            raise Odd(field.name) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


_CLASSES: Mapping[str, set[type]] = {
    "bool": {bool}, "int6": {int}, "doub": {float}, "date": {date}, "time": {datetime}, "deci": {Decimal},
}  # fmt: skip


def as_text(value: object) -> str | None:
    """A value as exact text; None stays None.

    >>> as_text(Decimal("1.10")), as_text(True), as_text(timedelta(minutes=1)), as_text({"a": "是"}), as_text(b"\\x01")
    ('1.10', 'true', '60.0', '{"a": "是"}', '01')
    """
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value.total_seconds())
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)
