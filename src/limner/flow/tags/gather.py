"""Answers on their way into columns: batches of (number, …) scattered by number, as small as their values allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from limner.flow.tags.base import Answer, Cell
from limner.store.gallery.encode import Encoded, encode, encode_arrow, smallest, stored_value

if TYPE_CHECKING:
    import pyarrow as pa

Bools: TypeAlias = NDArray[np.bool_]


class Filling:
    """One column being filled: value i is customer number i."""

    def __init__(self, cell: Cell, size: int) -> None:
        self.cell = cell
        self.values: NDArray[Any] = np.zeros(size, np.int8 if cell.type != "float" else np.float64)
        self.known = np.zeros(size, np.bool_)
        self._words: dict[str, int] = {}

    def take(self, numbers: NDArray[np.int32], answers: pa.Array) -> None:
        """Put the answers of some customers in."""
        cell = self.cell
        encoded = encode_arrow(cell.column, answers, "int" if cell.words else cell.type)
        values = self._coded(encoded) if cell.type == "text" and not cell.words else encoded.values
        if values.dtype != self.values.dtype:
            self.values = self.values.astype(np.promote_types(values.dtype, self.values.dtype), copy=False)
        self.values[numbers] = values
        self.known[numbers] = True if encoded.known is None else encoded.known

    def _coded(self, encoded: Encoded) -> NDArray[Any]:
        """The batch's codes as codes of the whole column."""
        for word in encoded.words:
            self._words.setdefault(word, len(self._words))
        over = np.array([self._words[word] for word in encoded.words] or [0], np.int64)
        return over.astype(smallest(over))[encoded.values]

    def encoded(self, unknown: Bools | None = None) -> Encoded:
        """The column as it is stored; customers without an answer get the tag's `otherwise`, those in `unknown` nothing
        at all."""
        cell, values, known = self.cell, self.values, self.known
        asked = np.ones(len(values), np.bool_)
        if unknown is not None:
            asked, known = ~unknown, known & ~unknown
        if cell.type == "text":
            return _text(values, known, asked, cell.words or tuple(self._words), cell.otherwise)
        if cell.otherwise is not None and not known.all():
            rest = np.asarray(stored_value(cell.type, cell.otherwise))
            values, known = np.where(known, values, rest), asked
        return encode(cell.column, cell.type, values, known)


def gather(
    reader: pa.RecordBatchReader, cells: Sequence[Cell], size: int, unknown: Sequence[Bools | None] = ()
) -> list[Encoded]:
    """The columns of an answer with a column `number` and one per cell, as they are stored; `unknown` says for each
    cell of whom nothing is to be known."""
    fillings = [Filling(cell, size) for cell in cells]
    for batch in reader:
        numbers = np.asarray(batch.column("number").to_numpy(zero_copy_only=False), np.int32)
        for filling in fillings:
            filling.take(numbers, batch.column(filling.cell.column))
    return [filling.encoded(hidden) for filling, hidden in zip_longest(fillings, unknown)]


def _text(codes: NDArray[Any], known: Bools, asked: Bools, words: tuple[str, ...], otherwise: Answer) -> Encoded:
    """Codes of a sorted dictionary that holds the words in use, so that the column does not tell how it was made; of
    those who are not `asked` nothing is known."""
    used = np.bincount(codes[known].astype(np.int64), minlength=len(words)) > 0 if words else np.zeros(0, np.bool_)
    kept = {word for word, is_used in zip(words, used, strict=True) if is_used}
    if otherwise is not None and (asked & ~known).any():
        kept.add(str(otherwise))
    ordered = sorted(kept)
    place = {word: code for code, word in enumerate(ordered)}
    over = np.array([place.get(word, 0) for word in words] or [0], np.int64)
    fresh = over[codes]
    if otherwise is not None:
        fresh, known = np.where(known, fresh, place.get(str(otherwise), 0)), asked
    fresh = np.where(known, fresh, 0)
    is_whole = known.all()
    return Encoded("text", fresh.astype(smallest(fresh)), None if is_whole else known, tuple(ordered))
