"""A column of the gallery: one NumPy file of a fixed width, a validity file where answers are unknown.

int: the smallest signed integer that holds all values · float: float64 (scores may be float32) · money: int64
ten-thousandths · day: int32 days since 1970-01-01 · instant: int64 µs since 1970-01-01 UTC · bool: packed bits, eight
customers to a byte, lowest bit first · text: codes, with a dictionary file beside them · sparse: float of which only
what is not 0 is stored, in sums that several columns share (`sums`); its file is the list of their runs.
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
from limner.core.exact import WEIGHT_UNIT, from_units
from limner.core.rule.lexicon import Type
from limner.store.gallery.bits import Words, blank
from limner.store.gallery.sums import Sums, read

LOST = words("gallery_file_lost", "The gallery's file {path} cannot be read: {why}. Build the version again.")

CONTACT: Final = ("address.", "reach.", "consent.")
"""What the names of columns begin with that tell how a customer may be written to, not who it is."""

SUMS: Final = ".sums.json"
"""What the name of a list of runs ends with."""

Array: TypeAlias = NDArray[Any]
Value: TypeAlias = object
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a column without reading it. `offset` is where the values begin in the file; `entries` how many
    sums stand for a sparse column, those of the codes from `first` to before `last`, -1 for all others."""

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
    entries: int = -1
    first: int = 0
    last: int = 0

    @property
    def is_sparse(self) -> bool:
        """Whether only the answers that are not 0 are stored."""
        return self.entries >= 0

    def as_mapping(self) -> dict[str, Any]:
        """The header as JSON-able values."""
        return {field: getattr(self, field) for field in self.__slots__}


class Column:
    """An open column. `values` is mapped from the file; what lies past `header.rows` is unknown.

    The values of a sparse column are spread out when they are asked for.
    """

    values: Array

    def __init__(self, folder: Path, header: Header) -> None:
        self.folder, self.header = folder, header
        if not header.is_sparse:
            stored = -(-header.rows // 8) if header.type == "bool" else header.rows
            self.values = _mapped(folder / header.file, np.dtype(header.dtype), stored, header.offset)
        self.valid: NDArray[np.uint8] | None = None
        if header.has_nulls:
            self.valid = _mapped(folder / valid_name(header.file), np.dtype(np.uint8), -(-header.rows // 8), 0)

    def __getattr__(self, name: str) -> Array:
        if name != "values":
            raise AttributeError(name)
        numbers, weights = self.entries()
        self.values = np.zeros(self.header.rows, np.float64)
        self.values[numbers] = weights / WEIGHT_UNIT
        return self.values

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return np.dtype(self.header.dtype)

    @property
    def sums(self) -> Sums:
        """The sums a sparse column is read off."""
        path = self.folder / self.header.file
        try:
            return read(path)
        except (OSError, ValueError, KeyError) as error:
            raise Broken(LOST, path=path, why=str(error)) from error

    def entries(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """What a sparse column says: customer numbers, ascending, and their weights in whole numbers of 2^-32; of those
        whose answer is unknown nothing."""
        kept = self.header
        try:
            numbers, weights = self.sums.answers(kept.first, kept.last, kept.rows)
        except OSError as error:
            raise Broken(LOST, path=self.folder / kept.file, why=str(error)) from error
        if self.valid is None:
            return numbers, weights
        is_known = (self.valid[numbers >> 3] >> (numbers & 7).astype(np.uint8)) & 1 == 1
        return numbers[is_known], weights[is_known]

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
        if self.header.is_sparse:
            return self._entry(number)
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

    def _entry(self, number: int) -> float:
        return self.sums.answer(self.header.first, self.header.last, number) / WEIGHT_UNIT


def valid_name(file: str) -> str:
    """The file that says which answers are known."""
    return file.removesuffix(".npy").removesuffix(SUMS) + ".valid"


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
