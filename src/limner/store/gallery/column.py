"""A column of the gallery: one NumPy file of a fixed width, a validity file where answers are unknown.

int: the smallest signed integer that holds all values · float: float64 (scores may be float32) · money: int64
ten-thousandths · day: int32 days since 1970-01-01 · instant: int64 µs since 1970-01-01 UTC · bool: packed bits, eight
customers to a byte, lowest bit first · text: codes, with a dictionary file beside them.
"""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from limner.core.errors import Broken, words
from limner.core.exact import from_units
from limner.core.rule.lexicon import Type
from limner.store.gallery.bits import Words, blank

LOST = words("gallery_file_lost", "The gallery's file {path} cannot be read: {why}. Build the version again.")

Array: TypeAlias = NDArray[Any]
Value: TypeAlias = object
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a column without reading it. `offset` is where the values begin in the file."""

    name: str
    type: Type
    dtype: str
    rows: int
    file: str
    offset: int
    has_nulls: bool = False
    unit: str = ""
    version: str = ""
    asof: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """The header as JSON-able values."""
        return {field: getattr(self, field) for field in self.__slots__}


class Column:
    """An open column. `values` is mapped from the file; what lies past `header.rows` is unknown."""

    def __init__(self, folder: Path, header: Header) -> None:
        self.folder, self.header = folder, header
        stored = -(-header.rows // 8) if header.type == "bool" else header.rows
        self.values: Array = _mapped(folder / header.file, np.dtype(header.dtype), stored, header.offset)
        self.valid: NDArray[np.uint8] | None = None
        if header.has_nulls:
            self.valid = _mapped(folder / valid_name(header.file), np.dtype(np.uint8), -(-header.rows // 8), 0)

    def __repr__(self) -> str:
        kept = self.header
        return f"<Column {kept.name} {kept.type} {kept.dtype} × {kept.rows:,}{' with nulls' if kept.has_nulls else ''}>"

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The dictionary of a text column: the word of each code."""
        path = self.folder / words_name(self.header.file)
        try:
            return tuple(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise Broken(LOST, path=path, why=str(error)) from error

    @cached_property
    def codes(self) -> dict[str, int]:
        """The code of each word."""
        return {word: code for code, word in enumerate(self.words)}

    def known(self, size: int) -> Words:
        """The customers whose answer is known, over `size` customers."""
        kept = blank(size)
        rows = min(self.header.rows, size)
        into = kept.view(np.uint8)
        if self.valid is not None:
            into[: -(-rows // 8)] = self.valid[: -(-rows // 8)]
        else:
            into[: rows // 8] = 0xFF
            if rows % 8:
                into[rows // 8] = (1 << rows % 8) - 1
        return kept

    def yes(self, size: int) -> Words:
        """The customers for whom a bool column says yes."""
        kept = self.known(size)
        into = kept.view(np.uint8)
        stored = min(self.values.size, -(-size // 8))
        into[:stored] &= self.values[:stored]
        return kept

    def value(self, number: int) -> Value:
        """The answer for one customer in Python's own types; None when unknown."""
        if not 0 <= number < self.header.rows:
            return None
        byte, bit = number >> 3, number & 7
        if self.valid is not None and not self.valid.item(byte) >> bit & 1:
            return None
        match self.header.type:
            case "bool":
                return bool(self.values.item(byte) >> bit & 1)
            case "money":
                return from_units(self.values.item(number))
            case "text":
                return self.words[self.values.item(number)]
            case "day":
                return _EPOCH_DAY + timedelta(days=self.values.item(number))
            case "instant":
                return EPOCH + timedelta(microseconds=self.values.item(number))
        return self.values.item(number)


def valid_name(file: str) -> str:
    """The file that says which answers are known."""
    return file.removesuffix(".npy") + ".valid"


def words_name(file: str) -> str:
    """The dictionary file of a text column."""
    return file.removesuffix(".npy") + ".words.json"


def _mapped(path: Path, dtype: np.dtype[Any], many: int, offset: int) -> Array:
    if many == 0:
        return np.empty(0, dtype)
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            mapped = mmap.mmap(handle, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(handle)
        return np.frombuffer(mapped, dtype, many, offset)
    except (OSError, ValueError) as error:
        raise Broken(LOST, path=path, why=str(error)) from error
