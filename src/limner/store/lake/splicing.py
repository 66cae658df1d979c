"""A Parquet file out of the parts of another: parts that stay are copied byte by byte, others put in their place.

A part (row group) is a run of bytes that says nothing of where it stands; only the footer does. So what is decoded and
written anew is the part that changes, and the rest costs what copying costs. The indexes of pages and the Bloom filters
that a part may have outside of it are left out: they are optional, and would speak of rows that have gone.
The format: https://github.com/apache/parquet-format (`src/main/thrift/parquet.thrift`).
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from limner.core.errors import Broken
from limner.store.lake.thrift import I16, I64, UNREADABLE, Struct, read, written

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8
_STEP: Final = 1 << 22

# fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData
_SCHEMA, _ROWS, _PARTS = 2, 3, 4
_COLUMNS, _PART_ROWS, _PART_PLACE, _ORDINAL = 1, 3, 5, 7
_FILE_PATH, _CHUNK_PLACE, _META, _CRYPTO = 1, 2, 3, 8
_INDEXES: Final = (4, 5, 6, 7)
_COMPRESSED, _DATA, _INDEX, _DICTIONARY = 7, 9, 10, 11
_BLOOM: Final = (14, 15)


class CannotSplice(Exception):
    """The parts of two files do not go together in one, or lie in files of their own: they are to be decoded."""


def splice(source: Path, target: Path, fresh: Mapping[int, bytes | None]) -> int:
    """Write `target`: the file `source` with other parts in the places of some; the number of its rows.

    `fresh` says by a part's place what comes there: a whole Parquet file of the same columns, or None for nothing.
    Raises CannotSplice when the columns are stored otherwise, and Broken for what is no Parquet file.
    """
    with source.open("rb") as old, target.open("wb") as new:
        new.write(_MAGIC)
        footer = _footer(old)
        kept: list[Struct] = []
        for place, part in enumerate(footer[_PARTS][1][1]):
            if place not in fresh:
                kept.append(_moved(old, new, part))
                continue
            body = fresh[place]
            if body is not None:
                other = BytesIO(body)
                own = _footer(other)
                if own[_SCHEMA] != footer[_SCHEMA]:
                    raise CannotSplice
                kept += [_moved(other, new, one) for one in own[_PARTS][1][1]]
        for place, part in enumerate(kept):
            part.pop(_ORDINAL, None)
            if place < 1 << 15:
                part[_ORDINAL] = I16, place
        rows = sum(int(part[_PART_ROWS][1]) for part in kept)
        footer[_ROWS] = I64, rows
        footer[_PARTS] = footer[_PARTS][0], (footer[_PARTS][1][0], kept)
        body = written(footer)
        new.write(body + len(body).to_bytes(4, "little") + _MAGIC)
    return rows


def _footer(file: BinaryIO) -> Struct:
    """The footer of a file."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    many = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or many + _TAIL + len(_MAGIC) > size:
        raise Broken(UNREADABLE, why="it is no Parquet file, or its end is missing")
    file.seek(size - _TAIL - many)
    return read(file.read(many))


def _moved(old: BinaryIO, new: BinaryIO, part: Struct) -> Struct:
    """Copy a part to where the new file stands, and what its entry in the footer then is."""
    chunks = part[_COLUMNS][1][1]
    low, high = _ends(chunks)
    step = new.tell() - low
    old.seek(low)
    left = high - low
    while left:
        body = old.read(min(left, _STEP))
        if not body:
            raise Broken(UNREADABLE, why="its rows are not all there")
        new.write(body)
        left -= len(body)
    moved = {**part, _COLUMNS: (part[_COLUMNS][0], (part[_COLUMNS][1][0], [_shifted(one, step) for one in chunks]))}
    moved[_PART_PLACE] = I64, low + step
    return moved


def _ends(chunks: list[Struct]) -> tuple[int, int]:
    """The first byte of a part and the one behind its last."""
    low: list[int] = []
    high: list[int] = []
    for chunk in chunks:
        if _FILE_PATH in chunk or _CRYPTO in chunk or _META not in chunk:
            raise CannotSplice
        meta = chunk[_META][1]
        begins = min(place for place in (_said(meta, _DICTIONARY), _said(meta, _DATA)) if place)
        low.append(begins)
        high.append(begins + _said(meta, _COMPRESSED))
    return min(low), max(high)


def _said(meta: Struct, field: int) -> int:
    return int(meta[field][1]) if field in meta else 0


def _shifted(chunk: Struct, step: int) -> Struct:
    """The entry of a column whose bytes stand `step` further on."""
    meta = {number: value for number, value in chunk[_META][1].items() if number not in _BLOOM}
    _shift(meta, (_DATA, _INDEX, _DICTIONARY), step)
    moved: dict[int, Any] = {number: value for number, value in chunk.items() if number not in _INDEXES}
    _shift(moved, (_CHUNK_PLACE,), step)
    moved[_META] = chunk[_META][0], meta
    return moved


def _shift(struct: Struct, fields: tuple[int, ...], step: int) -> None:
    for field in fields:
        if _said(struct, field):
            struct[field] = struct[field][0], struct[field][1] + step
