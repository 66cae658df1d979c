"""One comparison over one column: the constant is turned into the column's own type, the rows are compared in chunks.

Exactness: `x > 2.5` on integers is `x > 2`; on float32 the constant is moved to the neighbouring float32, so that the
answer is that of comparing as float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from limner.core.errors import BadDefinition, words
from limner.core.exact import MONEY_UNIT, WEIGHT_UNIT
from limner.core.rule.bounds import whole
from limner.core.rule.resolve import bad_type
from limner.core.rule.sample import PRIME, bound, keys
from limner.core.rule.tree import TEXTUAL, Value, Values
from limner.store.gallery.bits import Words, blank, bytes_of, pack, unpack
from limner.store.gallery.column import EPOCH, Array, Column

NOT_A_PLACE = words("gallery_not_a_place", "{name!r} is {type}; near needs two number columns, longitude and latitude.")

CHUNK: Final = 1 << 17
"""Rows compared at once: a chunk's answers stay in the processor's cache."""
_EARTH_M: Final = 6_371_008.8
_FEW: Final = 8
_UFUNCS: Final = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_PARTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": lambda word, part: part in word,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}
_EPOCH_DAY: Final = date(1970, 1, 1)
Test = Callable[[Array, NDArray[np.bool_]], object]


@dataclass(frozen=True, slots=True)
class Always:
    """A comparison decided without looking at rows."""

    answer: bool


def compared(column: Column, op: str, value: Values, size: int) -> Words:
    """The customers whose answer is known and compares true, over `size` customers."""
    if column.header.type == "bool":
        return _bool(column, op, value, size)
    test = _test(column, op, value)
    if isinstance(test, Always):
        return column.known(size) if test.answer else blank(size)
    found = _few(column, test, size) if column.header.is_sparse else _rows(column.values[:size], test, size)
    if column.valid is not None:
        found &= column.known(size)
    return found


def topmost(column: Column, share: Decimal | int, living: Words, size: int, *, is_bottom: bool = False) -> Words:
    """Those of the living of whom fewer than `share` of all known have a greater answer (`is_bottom`: a smaller)."""
    among = unpack(column.known(size) & living, size)[: column.values.size]
    values = column.values[: among.size][among]
    if not values.size:
        return blank(size)
    place = math.ceil(Fraction(share) * values.size)  # the place of the last one in, from 1
    at = place - 1 if is_bottom else values.size - place
    cut = np.partition(values, at)[at]
    found = np.zeros(size, np.bool_)
    found[: among.size] = among & (
        column.values[: among.size] <= cut if is_bottom else column.values[: among.size] >= cut
    )
    return pack(found)


def drawn(share: Decimal | int, salt: str, size: int) -> Words:
    """The numbers a salt draws."""
    places = np.arange(size, dtype=np.int64)
    for key in keys(salt):
        places = (places + key) % PRIME
        places = places * places % PRIME * places % PRIME
    return pack(places < bound(share))


def near_point(lon: Column, lat: Column, point: tuple[float, float], radius_m: float, size: int) -> Words:
    """The customers at most `radius_m` metres (haversine) from a point in degrees."""
    for column in (lon, lat):
        if column.header.type not in ("float", "int"):
            raise BadDefinition(NOT_A_PLACE, name=column.header.name, type=column.header.type)
    found = blank(size)
    bound = math.sin(min(radius_m / (2 * _EARTH_M), math.pi / 2)) ** 2
    lon0, lat0 = map(math.radians, point)
    rows = min(lon.values.size, lat.values.size, size)
    for start in range(0, rows, CHUNK):
        end = min(start + CHUNK, rows)
        phi = np.radians(lat.values[start:end], dtype=np.float64)
        half = np.sin((np.radians(lon.values[start:end], dtype=np.float64) - lon0) / 2)
        share = np.sin((phi - lat0) / 2) ** 2 + math.cos(lat0) * np.cos(phi) * half**2
        packed = np.packbits(share <= bound, bitorder="little")
        found.view(np.uint8)[start // 8 : start // 8 + packed.size] = packed
    found &= lon.known(size)
    found &= lat.known(size)
    return found


def _rows(values: Array, test: Test, size: int) -> Words:
    found = blank(size)
    into = found.view(np.uint8)
    answers = np.empty(min(CHUNK, values.size), np.bool_)
    for start in range(0, values.size, CHUNK):
        chunk = values[start : start + CHUNK]
        here = answers[: chunk.size]
        test(chunk, here)
        packed = np.packbits(here, bitorder="little")
        into[start >> 3 : (start >> 3) + packed.size] = packed
    return found


def _few(column: Column, test: Test, size: int) -> Words:
    """The rows of a sparse column: those with a sum are looked at, all others answer as 0 does."""
    sums = column.sums
    codes = [code for code in range(column.header.first, column.header.last) if sums.has(code)]
    if len(codes) > 1:
        return _many(sums.stretches(codes[0], codes[-1] + 1, column.header.rows), test, size)
    rest = np.empty(1, np.bool_)
    test(np.zeros(1), rest)
    found = column.known(size) if rest[0] else blank(size)
    into = found.view(np.uint8)
    for turn, (numbers, weights) in enumerate(sums.layers(codes[0]) if codes else ()):
        here = numbers.size if column.header.rows <= size else int(np.searchsorted(numbers, size))
        answers = np.empty(here, np.bool_)
        test(weights[:here] / WEIGHT_UNIT, answers)
        if turn or rest[0]:  # at first all answer as 0 does
            places, bits = bytes_of(numbers[:here][~answers])
            into[places] &= ~bits
        if turn or not rest[0]:
            places, bits = bytes_of(numbers[:here][answers])
            into[places] |= bits
    return found


def _many(stretches: Iterable[tuple[int, Array]], test: Test, size: int) -> Words:
    """The rows of stretches of answers in whole numbers of 2^-32; each begins with a multiple of eight."""
    found = blank(size)
    into = found.view(np.uint8)
    for start, weights in stretches:
        values = weights[: max(0, size - start)] / WEIGHT_UNIT
        answers = np.empty(values.size, np.bool_)
        test(values, answers)
        packed = np.packbits(answers, bitorder="little")
        into[start >> 3 : (start >> 3) + packed.size] = packed
    return found


def _test(column: Column, op: str, value: Values) -> Test | Always:
    if column.header.type == "text":
        return _text_test(column, op, value)
    if isinstance(value, tuple):
        return _list_test(column, value)
    constant = _one(column, op, value)
    return constant if isinstance(constant, Always) else _ufunc(*constant)


def _ufunc(op: str, constant: Any) -> Test:
    compare = _UFUNCS[op]
    return lambda rows, out: compare(rows, constant, out=out)


def _list_test(column: Column, values: tuple[Value, ...]) -> Test | Always:
    found = [_one(column, "==", value) for value in values]
    constants = sorted({c[1] for c in found if not isinstance(c, Always)})
    if not constants:
        return Always(answer=False)
    return _any_of(np.array(constants, column.dtype))


def _any_of(constants: Array) -> Test:
    if constants.size > _FEW:
        return lambda rows, out: np.copyto(out, np.isin(rows, constants))

    def test(rows: Array, out: NDArray[np.bool_]) -> None:
        np.equal(rows, constants[0], out=out)
        for constant in constants[1:]:
            out |= rows == constant

    return test


def _text_test(column: Column, op: str, value: Values) -> Test | Always:
    wanted = value if isinstance(value, tuple) else (value,)
    for one in wanted:
        if not isinstance(one, str) or op not in ("==", "!=", "in", *TEXTUAL):
            raise _bad(column, op, one)
    if op in _PARTS:
        fits = [code for code, word in enumerate(column.words) if _PARTS[op](word, cast("str", wanted[0]))]
        return _any_of(np.array(fits, column.dtype)) if fits else Always(answer=False)
    codes = sorted({column.codes[w] for w in cast("tuple[str, ...]", wanted) if w in column.codes})
    if not codes:
        return Always(answer=op == "!=")
    if op == "!=":
        return _ufunc("!=", column.dtype.type(codes[0]))
    return _any_of(np.array(codes, column.dtype))


def _bool(column: Column, op: str, value: Values, size: int) -> Words:
    wanted = set(value) if isinstance(value, tuple) else {value}
    if op not in ("==", "!=", "in") or not all(isinstance(one, bool) for one in wanted):
        raise _bad(column, op, value)
    if op == "!=":
        wanted = {one for one in (True, False) if one not in wanted}
    known = column.known(size)
    if len(wanted) != 1:
        return known if wanted else blank(size)
    yes = column.yes(size)
    return yes if True in wanted else known & ~yes


def _one(column: Column, op: str, value: Value) -> Always | tuple[str, Any]:
    """The comparison with the constant in the column's own type, or its answer when rows need not be looked at."""
    plain = _plain(column, op, value)
    if column.header.type == "float":
        return _float(op, float(plain), column.dtype)
    return _whole(op, plain, column.dtype)


def _plain(column: Column, op: str, value: Value) -> int | Decimal:
    match column.header.type, value:
        case (("int" | "float"), (int() | Decimal())) if not isinstance(value, bool):
            return value
        case "money", (int() | Decimal()) if not isinstance(value, bool):
            return value * MONEY_UNIT
        case "instant", datetime():
            past = value - EPOCH
            return past.days * 86_400_000_000 + past.seconds * 1_000_000 + past.microseconds
        case "day", date() if not isinstance(value, datetime):
            return (value - _EPOCH_DAY).days
    raise _bad(column, op, value)


def _whole(op: str, value: int | Decimal, dtype: np.dtype[Any]) -> Always | tuple[str, Any]:
    bounds = np.iinfo(dtype)
    found = whole(op, value, int(bounds.min), int(bounds.max))
    return Always(found) if isinstance(found, bool) else (found[0], dtype.type(found[1]))


def _float(op: str, value: float, dtype: np.dtype[Any]) -> Always | tuple[str, Any]:
    if dtype == np.float64:
        return op, np.float64(value)
    close = np.float32(value)
    if float(close) == value:
        return op, close
    if op in ("==", "!="):
        return Always(answer=op == "!=")
    below = close if float(close) < value else np.nextafter(close, np.float32(-np.inf))
    above = np.nextafter(below, np.float32(np.inf))
    return {"<": ("<", above), "<=": ("<=", below), ">": (">", below), ">=": (">=", above)}[op]


def _bad(column: Column, op: str, value: Values) -> BadDefinition:
    return bad_type(column.header.type, column.header.name, op, value)
