"""Sets of customers as packed bits: 64 to a word, padded to whole containers of 65,536, the unit of a roaring bitmap.

Bit i of the array is customer number i. All functions take arrays of the same length or of different ones: what lies
past the end of the shorter is no.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

Words: TypeAlias = NDArray[np.uint64]

BLOCK = 65_536
"""Rows of one container."""
_WORDS = BLOCK // 64
_PLAIN_COOKIE, _RUN_COOKIE = 12_346, 12_347
_ARRAY_MOST = 4_096


def blank(size: int) -> Words:
    """The empty set over `size` customers."""
    return np.zeros(-(-size // BLOCK) * _WORDS, np.uint64)


def pack(answers: NDArray[np.bool_]) -> Words:
    """The set of those whose answer is yes.

    >>> numbers(pack(np.array([True, False, True]))).tolist()
    [0, 2]
    """
    words = blank(len(answers))
    packed = np.packbits(answers, bitorder="little")
    words.view(np.uint8)[: packed.size] = packed
    return words


def bytes_of(numbers: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The bytes in which ascending numbers stand, and their bits there.

    >>> [part.tolist() for part in bytes_of(np.array([1, 3, 17], np.int32))]
    [[0, 2], [10, 2]]
    """
    places = numbers >> 3
    starts = np.flatnonzero(np.diff(places, prepend=np.int32(-1)))
    bits = np.left_shift(np.uint8(1), (numbers & 7).astype(np.uint8))
    return places[starts], np.bitwise_or.reduceat(bits, starts) if starts.size else bits


def unpack(words: Words, size: int) -> NDArray[np.bool_]:
    """One answer per customer."""
    answers = np.unpackbits(words.view(np.uint8), bitorder="little", count=min(size, words.size * 64)).view(np.bool_)
    return answers if answers.size == size else np.pad(answers, (0, size - answers.size))


def numbers(words: Words) -> NDArray[np.int32]:
    """The members, ascending."""
    return np.flatnonzero(unpack(words, words.size * 64)).astype(np.int32)


def count(words: Words) -> int:
    """How many members."""
    return int(np.bitwise_count(words).sum(dtype=np.int64))


def fit(words: Words, size: int) -> Words:
    """The same set over another number of customers; members past the end are cut at a container's end."""
    length = -(-size // BLOCK) * _WORDS
    if words.size == length:
        return words
    return words[:length] if words.size > length else np.pad(words, (0, length - words.size))


def to_bitmap(words: Words) -> BitMap:
    """The set as a roaring bitmap, built from its serial form: some hundred times faster than number by number.

    >>> to_bitmap(pack(np.array([False, True])))
    BitMap([1])
    """
    blocks = words.reshape(-1, _WORDS)
    sizes = np.bitwise_count(blocks).sum(axis=1, dtype=np.int64)
    keys = np.flatnonzero(sizes)
    bodies = [_body(blocks[key], int(sizes[key])) for key in keys]
    heads = np.empty((keys.size, 2), "<u2")
    heads[:, 0], heads[:, 1] = keys, sizes[keys] - 1
    lengths = np.array([len(body) for body in bodies], np.int64)
    offsets = (8 + 8 * keys.size + np.cumsum(lengths) - lengths).astype("<u4")
    opening = np.array([_PLAIN_COOKIE, keys.size], "<u4").tobytes()
    return BitMap.deserialize(b"".join([opening, heads.tobytes(), offsets.tobytes(), *bodies]))


def _body(block: Words, size: int) -> bytes:
    if size > _ARRAY_MOST:
        return block.tobytes()
    return np.flatnonzero(np.unpackbits(block.view(np.uint8), bitorder="little")).astype("<u2").tobytes()


def from_bitmap(members: BitMap, size: int) -> Words:
    """A roaring bitmap as packed bits over `size` customers; members past the end are left out.

    >>> numbers(from_bitmap(BitMap([3, 70_000]), 80_000)).tolist()
    [3, 70000]
    """
    serial = members.serialize()
    words = blank(size)
    cookie = int.from_bytes(serial[:4], "little")
    if cookie & 0xFFFF == _RUN_COOKIE:
        many, place = (cookie >> 16) + 1, 4 + ((cookie >> 16) + 8) // 8
        flags = np.unpackbits(np.frombuffer(serial, np.uint8, place - 4, 4), bitorder="little")[:many].view(np.bool_)
        has_offsets = many >= 4
    else:
        many, place = int.from_bytes(serial[4:8], "little"), 8
        flags, has_offsets = np.zeros(many, np.bool_), True
    heads = np.frombuffer(serial, "<u2", many * 2, place).reshape(-1, 2)
    place += 4 * many + (4 * many if has_offsets else 0)
    for (key, most), is_runs in zip(heads.tolist(), flags.tolist(), strict=True):
        block = words[key * _WORDS : (key + 1) * _WORDS]
        place += _fill(block, serial, place, most + 1, is_runs=is_runs)
    return _cut(words, size)


def _fill(block: Words, serial: bytes, place: int, many: int, *, is_runs: bool) -> int:
    """Write one container into its block (empty when past the end); the bytes it takes."""
    if is_runs:
        runs = int.from_bytes(serial[place : place + 2], "little")
        _write_runs(block, np.frombuffer(serial, "<u2", runs * 2, place + 2).reshape(-1, 2))
        return 2 + runs * 4
    if many > _ARRAY_MOST:
        if block.size:
            block[:] = np.frombuffer(serial, "<u8", _WORDS, place)
        return _WORDS * 8
    answers = np.zeros(BLOCK, np.bool_)
    answers[np.frombuffer(serial, "<u2", many, place)] = True
    _write(block, answers)
    return many * 2


def _write_runs(block: Words, runs: NDArray[np.uint16]) -> None:
    if runs.size == 2 and runs[0, 1] == BLOCK - 1:
        block[:] = ~np.uint64(0)
        return
    answers = np.zeros(BLOCK, np.bool_)
    for start, more in runs.tolist():
        answers[start : start + more + 1] = True
    _write(block, answers)


def _write(block: Words, answers: NDArray[np.bool_]) -> None:
    if block.size:
        block.view(np.uint8)[:] = np.packbits(answers, bitorder="little")


def _cut(words: Words, size: int) -> Words:
    """Clear the padding past `size`."""
    full, rest = divmod(size, 64)
    if rest:
        words[full] &= np.uint64((1 << rest) - 1)
        full += 1
    words[full:] = 0
    return words
