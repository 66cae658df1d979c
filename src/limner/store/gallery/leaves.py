"""The sets of leaves, kept by what they were answered from: the leaf, and the content of the columns it reads.

A version of the gallery shares the files of columns that did not change with the versions before it, so a set that was
answered yesterday serves today's version too. What an erasure rewrites is answered anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from limner.core.rule.tree import Compare, Has, In, Near, Rule, leaves
from limner.store.gallery.bits import Words
from limner.store.gallery.column import Header, valid_name, words_name
from limner.store.gallery.leaf_cache import LeafSets
from limner.store.gallery.version import LIVING, Version


class LeavesOf:
    """The sets of one version's leaves, in a place shared with other versions. `stop` is asked before every leaf, and
    raises when the question need not be answered any more."""

    def __init__(self, shared: LeafSets, version: Version, stop: Callable[[], None] | None = None) -> None:
        self._shared, self._version, self._stop = shared, version, stop
        self._marks: dict[str, Hashable] = {}

    def get(self, key: Hashable) -> Words | None:
        """The set of a leaf of this version, when it is kept under what the leaf reads."""
        if self._stop is not None:
            self._stop()
        return self._shared.get(self.content(key))

    def put(self, key: Hashable, found: Words) -> None:
        """Keep the set of a leaf under what the leaf reads."""
        self._shared.put(self.content(key), found)

    def whole(self, rule: Rule, said: Hashable, make: Callable[[], Words]) -> Words:
        """The set of a rule of several parts, made when it is not kept under what its leaves read and under `said`.
        What other audiences hold is asked each time."""
        own = tuple(leaves(rule))
        if len(own) < 2 or any(isinstance(leaf, In) for leaf in own):
            return make()
        if self._stop is not None:
            self._stop()
        key = (rule, said, self._own(), tuple(self.content((self._version.folder, leaf)) for leaf in own))
        found = self._shared.get(key)
        if found is None:
            found = make()
            self._shared.put(key, found)
        return found

    def __len__(self) -> int:
        return len(self._shared)

    def content(self, key: Hashable) -> Hashable:
        """The reader's key (version, behaviour, leaf) with the content of what is read in the place of the version."""
        if not isinstance(key, tuple) or not key:
            return key
        folder, *rest, leaf = key
        columns = _columns(leaf)
        if columns is None or any(name not in self._version.headers for name in columns):
            return (folder, self._version.size, self._own(), *rest, leaf)
        marks = tuple(self._mark(name) for name in columns)
        own = "" if isinstance(leaf, Has | Compare | Near) else self._own()
        return (marks, self._version.size, own, *rest, leaf)

    def _mark(self, name: str) -> Hashable:
        """What changes when any file of a column does."""
        if name not in self._marks:
            header = self._version.headers[name]
            self._marks[name] = (
                header.rows,
                header.dtype,
                (header.entries, header.first, header.last),
                *(_stamp(path) for path in _files(self._version, header)),
            )
        return self._marks[name]

    def _own(self) -> Hashable:
        """What changes when somebody else lives, or is hidden."""
        if "" not in self._marks:
            hidden = hashlib.sha256(self._version.hidden.serialize()).digest() if self._version.hidden else b""
            self._marks[""] = (_stamp(self._version.folder / LIVING), hidden)
        return self._marks[""]


def _columns(leaf: Any) -> tuple[str, ...] | None:
    """The columns a leaf reads; None when it reads something else."""
    if isinstance(leaf, Near):
        return f"{leaf.tag}.lon", f"{leaf.tag}.lat"
    tag = getattr(leaf, "tag", None)
    return (tag,) if isinstance(tag, str) else None


def _files(version: Version, header: Header) -> list[Path]:
    found = [version.folder / header.file]
    if header.has_nulls:
        found.append(version.folder / valid_name(header.file))
    if header.type == "text":
        found.append(version.folder / words_name(header.file))
    return found


def _stamp(path: Path) -> tuple[int, ...]:
    """The same for all hard links of a file; another one when it is written anew or in place."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
