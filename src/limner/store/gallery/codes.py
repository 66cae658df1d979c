"""Codes of customers kept beside a version: rows of small whole numbers in one file, made when first asked for.

They follow from the columns alone, so they may be dropped at any time: an erasure drops them, and they are made again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from limner.store.gallery.version import Version

Codes: TypeAlias = NDArray[np.uint16]

ROOM: Final = 1 << 30
"""Bytes that must be left on the disk for codes to be kept."""
_ENDINGS: Final = ("codes-*", ".codes-*", "sets-*", ".sets-*")
"""The files that are dropped; sets are what an earlier shape kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An open file of codes: `rows` has shape (rows, size of the gallery); `told` is what was said when they were
    written."""

    rows: Codes
    told: Mapping[str, Any]


def open_codes(version: Version, name: str) -> Kept | None:
    """The codes kept under a name; None when there are none, or the version has been rewritten since."""
    body, head = _paths(version.folder, name)
    try:
        found = _opened(body, head, head.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if found.told["stamp"] != list(version.stamp) or found.told["size"] != version.size:
        return None
    return found


@lru_cache(maxsize=2)
def _opened(body: Path, head: Path, _written: int) -> Kept:
    """The codes of a file; mapped once, so that the next question finds their pages in place."""
    told = json.loads(head.read_text(encoding="utf-8"))
    shape = told["rows"], told["size"]
    if body.stat().st_size != 2 * shape[0] * shape[1]:
        raise ValueError(body)
    rows = np.memmap(body, np.uint16, "r", shape=shape).view(np.ndarray) if shape[0] else np.empty(shape, np.uint16)
    return Kept(rows, told)


def keep_codes(version: Version, name: str, rows: Iterable[Codes], most: int, told: Mapping[str, Any]) -> bool:
    """Write at most `most` rows under a name as they come; whether there was room and leave to do so.

    `told` may be filled while the rows are drawn: it is written last. Cut off at any instant, nothing is kept.
    """
    body, head = _paths(version.folder, name)
    fresh = [path.with_name(f".{path.name}.{os.getpid()}") for path in (body, head)]
    try:
        if shutil.disk_usage(version.folder).free < 2 * most * version.size + ROOM:
            return False
        written = 0
        with fresh[0].open("wb") as file:
            for one in rows:
                one.tofile(file)
                written += 1
        mark = {"stamp": list(version.stamp), "size": version.size, "rows": written}
        fresh[1].write_text(json.dumps({**told, **mark}, ensure_ascii=False), encoding="utf-8")
        if not version.is_as_written():
            return False
        fresh[0].replace(body)
        fresh[1].replace(head)
    except OSError:
        return False
    finally:
        for path in fresh:
            path.unlink(missing_ok=True)
    return True


def drop_codes(folder: Path) -> None:
    """Drop all codes kept beside the version in a folder, those half written too."""
    for ending in _ENDINGS:
        for path in folder.glob(ending):
            path.unlink(missing_ok=True)


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"codes-{name}.u16", folder / f"codes-{name}.json"
