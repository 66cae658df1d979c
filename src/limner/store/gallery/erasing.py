"""Erasing customers from a version: the one change a published version knows.

Their answers become zero and unknown in every column, they leave the living and the members of every audience, and the
words of a text column that nobody else uses are blanked. What several columns or versions share is rewritten once.
What was counted of the columns goes.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from limner.store.gallery import sums
from limner.store.gallery.codes import drop_codes
from limner.store.gallery.column import Column, Header, valid_name, words_name
from limner.store.gallery.version import FIGURES, INDEX, LIVING

Ints = NDArray[np.int64]

_AT_ONCE: Final = 8
"""Columns whose files wait for the disk at the same time; no two columns of a version share a file."""


def erase(folder: Path, numbers: BitMap, done: set[int]) -> None:
    """Erase customers from one version; `done` holds the files rewritten through another version's hard link.

    Cut off at any instant it may be done again.
    """
    drop_codes(folder)
    (folder / FIGURES).unlink(missing_ok=True)
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    chosen = np.fromiter(numbers, np.int64, len(numbers))
    headers = [Header(**kept) for kept in index["columns"].values()]
    touched = [header for header in headers if (chosen < header.rows).any()]
    with ThreadPoolExecutor(_AT_ONCE, "gallery") as pool:
        once = {header.file: header for header in touched}.values()
        work = [pool.submit(_erase_column, folder, h, chosen[chosen < h.rows], done) for h in once]
        for one in work:
            one.result()
    for header in touched:
        index["columns"][header.name]["has_nulls"] = True
    for path in (folder / LIVING, *(folder / "members").glob("*.roar")):
        members = BitMap.deserialize(path.read_bytes())
        if members & numbers:
            _replace(path, (members - numbers).serialize())
    _replace(folder / INDEX, json.dumps(index, ensure_ascii=False).encode())
    drop_codes(folder)


def _erase_column(folder: Path, header: Header, chosen: Ints, done: set[int]) -> None:
    valid = folder / valid_name(header.file)
    masks = np.uint8(0xFF) ^ (np.uint8(1) << (chosen & 7).astype(np.uint8))
    if not header.has_nulls:
        _replace(valid, _known_but(header.rows, tuple(chosen.tolist())))
    elif _is_first(valid, done):  # versions may share a column and not what is known of it
        known = np.memmap(valid, np.uint8, "r+")
        np.bitwise_and.at(known, chosen >> 3, masks)
        known.flush()
    if header.is_sparse:
        sums.erase(sums.read(folder / header.file), chosen, lambda path: _is_first(path, done))
        (folder / header.file).touch()  # what is kept under the list's name is asked anew
        return
    if not _is_first(folder / header.file, done):
        return
    if header.type == "bool":
        values = np.memmap(folder / header.file, np.uint8, "r+", header.offset)
        np.bitwise_and.at(values, chosen >> 3, masks)
    else:
        values = np.memmap(folder / header.file, header.dtype, "r+", header.offset, (header.rows,))
        codes = set(values[chosen].tolist()) if header.type == "text" else set()
        values[chosen] = 0
        if codes:
            _blank_words(folder, header, codes)
    values.flush()


def _is_first(path: Path, done: set[int]) -> bool:
    """Whether a file has not been rewritten yet, under whatever name."""
    inode = path.stat().st_ino
    is_first = inode not in done
    done.add(inode)
    return is_first


@lru_cache(maxsize=4)
def _known_but(rows: int, chosen: tuple[int, ...]) -> bytes:
    """Validity of a column in which all but these are known."""
    known = np.full(-(-rows // 8), 0xFF, np.uint8)
    if rows % 8:
        known[-1] = (1 << rows % 8) - 1
    for number in chosen:
        known[number >> 3] &= 0xFF ^ (1 << (number & 7))
    return known.tobytes()


def _blank_words(folder: Path, header: Header, codes: set[int]) -> None:
    """Blank those of the words that no known row uses any more, in the file all hard links share."""
    column = Column(folder, Header(**{**header.as_mapping(), "has_nulls": True}))
    valid = column.valid
    gone = []
    for code in sorted(codes):
        rows = np.flatnonzero(column.values == code)
        is_known = (valid[rows >> 3] >> (rows & 7).astype(np.uint8)) & 1 if valid is not None else np.ones(rows.size)
        if not is_known.any() and code < len(column.words) and column.words[code]:
            gone.append(code)
    if gone:
        kept = list(column.words)
        for code in gone:
            kept[code] = ""
        path = folder / words_name(header.file)
        with path.open("r+b") as file:
            body = json.dumps(kept, ensure_ascii=False).encode()
            file.write(body)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def _replace(path: Path, body: bytes) -> None:
    fresh = path.with_name(f".{path.name}.fresh")
    with fresh.open("wb") as handle:
        handle.write(body)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(path)
