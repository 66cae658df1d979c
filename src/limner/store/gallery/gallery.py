"""The gallery: a folder of versions, each a folder of columns."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

import numpy as np
from pyroaring import BitMap

from limner.core.errors import NotFound, near, words
from limner.store.gallery.bits import unpack
from limner.store.gallery.column import Column, Header, valid_name, words_name
from limner.store.gallery.draft import DRAFT, Draft
from limner.store.gallery.version import INDEX, LIVING, Version, version_name

NO_VERSION = words("gallery_version_unknown", "The gallery has no version {name!r}. Run `limner run` to build one.")

_OPEN_MOST: Final = 4
_FILES: Final = 65_536


class Gallery:
    """Every version that stands in a folder. Which of them is published is written in the ledger, not here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._open: OrderedDict[str, Version] = OrderedDict()
        self._opening = threading.Lock()
        _allow_open_files()

    def __repr__(self) -> str:
        return f"<Gallery {self.folder}: {len(self.versions())} versions>"

    def versions(self) -> tuple[str, ...]:
        """The names of the versions, drafts left out."""
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"[!.]*/{INDEX}")))

    def version(self, name: str) -> Version:
        """A version by its name; the last few asked for stay open."""
        with self._opening:
            if name in self._open:
                self._open.move_to_end(name)
                return self._open[name]
            if not (self.folder / version_name(name) / INDEX).exists():
                raise NotFound(NO_VERSION, near=near(name, self.versions()), name=name)
            found = self._open[name] = Version(self.folder / name)
            while len(self._open) > _OPEN_MOST:
                self._open.popitem(last=False)
            return found

    def draft(self, base: Version | None = None) -> Draft:
        """Begin the next version; with `base`, its columns stand in it from the start."""
        return Draft(self.folder, base)

    def drop(self, name: str) -> None:
        """Take a version away; readers that have it open keep it until they let go."""
        with self._opening:
            self._open.pop(name, None)
        shutil.rmtree(self.folder / version_name(name), ignore_errors=True)

    def sweep(self) -> int:
        """Take away drafts a killed process left behind; only for the keeper, while it builds nothing."""
        left = list(self.folder.glob(f"{DRAFT}*"))
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return len(left)

    def overwrite(self, numbers: BitMap) -> None:
        """Erase customers: zero and unknown in every column of every version, gone from the living and all members.

        The one change a published version knows. Words of a text column that nobody else uses are blanked.
        """
        done: set[int] = set()
        for name in self.versions():
            _erase(self.folder / name, numbers, done)
        with self._opening:
            self._open.clear()


def _erase(folder: Path, numbers: BitMap, done: set[int]) -> None:
    """Erase from one version; `done` holds the files already rewritten through another version's hard link."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    chosen = np.fromiter(numbers, np.int64, len(numbers))
    for kept in index["columns"].values():
        header = Header(**kept)
        _erase_column(folder, header, chosen[chosen < header.rows], done)
        kept["has_nulls"] = True
    _replace(folder / INDEX, json.dumps(index, ensure_ascii=False).encode())
    for path in (folder / LIVING, *(folder / "members").glob("*.roar")):
        _replace(path, (BitMap.deserialize(path.read_bytes()) - numbers).serialize())


def _erase_column(folder: Path, header: Header, chosen: np.ndarray, done: set[int]) -> None:
    valid = folder / valid_name(header.file)
    if not header.has_nulls:
        known = np.ones(header.rows, np.bool_)
        known[chosen] = False
        _replace(valid, np.packbits(known, bitorder="little").tobytes())
    inode = (folder / header.file).stat().st_ino
    if inode in done or not chosen.size:
        return
    done.add(inode)
    masks = np.uint8(0xFF) ^ (np.uint8(1) << (chosen & 7).astype(np.uint8))
    if header.has_nulls:
        np.bitwise_and.at(np.memmap(valid, np.uint8, "r+"), chosen >> 3, masks)
    if header.type == "bool":
        values = np.memmap(folder / header.file, np.uint8, "r+", header.offset)
        np.bitwise_and.at(values, chosen >> 3, masks)
    else:
        values = np.memmap(folder / header.file, header.dtype, "r+", header.offset, (header.rows,))
        values[chosen] = 0
    values.flush()
    if header.type == "text":
        _blank_words(folder, header)


def _blank_words(folder: Path, header: Header) -> None:
    """Blank the words no known row uses any more, in the file all hard links share."""
    column = Column(folder, Header(**{**header.as_mapping(), "has_nulls": True}))
    is_known = unpack(column.known(header.rows), header.rows)
    used = set(np.unique(column.values[is_known]).tolist())
    kept = [word if code in used else "" for code, word in enumerate(column.words)]
    if kept != list(column.words):
        (folder / words_name(header.file)).write_bytes(json.dumps(kept, ensure_ascii=False).encode())


def _replace(path: Path, body: bytes) -> None:
    fresh = path.with_name(f".{path.name}.fresh")
    with fresh.open("wb") as handle:
        handle.write(body)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(path)


def _allow_open_files() -> None:
    """Raise the soft limit of open files: a version of 300 columns keeps up to 600 open."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
