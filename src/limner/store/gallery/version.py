"""A version of the gallery: a folder that never changes once it is published, erasure alone excepted."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from limner.core.errors import BadInput, Broken, NotFound, near, words
from limner.store.gallery.bits import Words, from_bitmap
from limner.store.gallery.column import LOST, Column, Header, Value

NO_COLUMN = words("gallery_column_unknown", "The gallery has no column {name!r} in version {version}.")
NO_MEMBERS = words(
    "gallery_members_unknown", "Version {version} of the gallery holds no members of {name!r}. Run `limner run`."
)
BAD_VERSION = words(
    "gallery_version_bad", "The name {name!r} cannot be that of a gallery version. Use letters, digits, - and _."
)
INDEX = "index.json"
LIVING = "living.roar"
FIGURES = "figures.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}", re.ASCII | re.IGNORECASE)


def version_name(name: str) -> str:
    """The name itself when it may be a folder's; the hash of a view may begin with a digit.

    >>> version_name("0af3")
    '0af3'
    """
    if not _NAME.fullmatch(name):
        raise BadInput(BAD_VERSION, name=name)
    return name


class Version:
    """A folder of columns, members and cards. Files are opened at the first question and kept open.

    `size` is one more than the largest customer number; `name` the folder's name; `hidden` customers are left out;
    `stamp` changes when somebody is erased.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        try:
            self.stamp = _stamp(folder)
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Broken(LOST, path=folder / INDEX, why=str(error)) from error
        self.size: int = index["size"]
        self.labels: Mapping[str, Any] = index["labels"]
        self.headers: Mapping[str, Header] = {name: Header(**kept) for name, kept in index["columns"].items()}
        self.marks: Mapping[str, str] = index.get("members", {})
        self._columns: dict[str, Column] = {}
        self._members: dict[str, BitMap] = {}
        self.hidden = BitMap()

    def __repr__(self) -> str:
        return f"<Version {self.name}: {self.size:,} numbers, {len(self.headers)} columns>"

    def is_as_written(self) -> bool:
        """Whether nobody has been erased from it since it was opened."""
        try:
            return _stamp(self.folder) == self.stamp
        except OSError:
            return False

    def without(self, hidden: BitMap) -> Version:
        """The same version for those who may not see some customers: they are not alive, and members of nothing.

        Columns are shared; nobody hidden gives the version itself.
        """
        if not hidden:
            return self
        other = copy.copy(self)
        for name in ("living", "living_words"):
            other.__dict__.pop(name, None)
        other.hidden, other._members = self.hidden | hidden, {}
        return other

    def column(self, name: str) -> Column:
        """One column, by the id of its trait, tag or score."""
        found = self._columns.get(name)
        if found is None:
            header = self.headers.get(name)
            if header is None:
                raise NotFound(NO_COLUMN, near=near(name, self.headers), name=name, version=self.name)
            found = Column(self.folder, header)
            if not header.is_sparse:  # what it spreads out is let go with it
                self._columns[name] = found
        return found

    def row(self, number: int, columns: Iterable[str] | None = None) -> dict[str, Value]:
        """What is known of one customer: column → value; unknown answers are left out."""
        found = {name: self.column(name).value(number) for name in (self.headers if columns is None else columns)}
        return {name: value for name, value in found.items() if value is not None}

    @cached_property
    def living(self) -> BitMap:
        """The customers alive in this version: minted, not retired by a merge, not erased."""
        return self._bitmap(self.folder / LIVING)

    @cached_property
    def living_words(self) -> Words:
        """The living as packed bits."""
        return from_bitmap(self.living, self.size)

    def members(self, audience: str) -> BitMap:
        """The members of an audience in this version."""
        if audience not in self._members:
            if audience not in self.marks:
                raise NotFound(NO_MEMBERS, near=near(audience, self.marks), name=audience, version=self.name)
            self._members[audience] = self._bitmap(self.folder / "members" / f"{audience}.roar")
        return self._members[audience]

    def has_members(self, audience: str, mark: str = "") -> bool:
        """Whether this version holds members of an audience; with `mark`, those selected under that mark."""
        return audience in self.marks and (not mark or self.marks[audience] == mark)

    def audiences(self) -> tuple[str, ...]:
        """The audiences whose members stand in this version."""
        return tuple(sorted(self.marks))

    def card(self, name: str) -> dict[str, Any]:
        """A model card."""
        path = self.folder / "cards" / f"{name}.json"
        if not path.exists():
            raise NotFound(NO_COLUMN, near=near(name, self.cards()), name=name, version=self.name)
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return card

    def fit(self, name: str) -> dict[str, Any]:
        """What is kept of a model beside its card; nothing where nothing was kept."""
        try:
            found: dict[str, Any] = json.loads((self.folder / fit_file(name)).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def figures(self) -> dict[str, Any]:
        """What was counted of the columns when the version was made; nothing in one made before that, or of which
        somebody has been erased since."""
        try:
            found: dict[str, Any] = json.loads((self.folder / FIGURES).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def cards(self) -> tuple[str, ...]:
        """The names of the cards in this version."""
        return tuple(sorted(path.stem for path in (self.folder / "cards").glob("*.json")))

    def _bitmap(self, path: Path) -> BitMap:
        try:
            return BitMap.deserialize(path.read_bytes()) - self.hidden
        except (OSError, ValueError) as error:
            raise Broken(LOST, path=path, why=str(error)) from error


def fit_file(name: str) -> str:
    """Where what is kept of a model stands in a version."""
    return f"cards/{name}.fit"


def _stamp(folder: Path) -> tuple[int, int]:
    """What changes when an erasure writes the index anew."""
    found = (folder / INDEX).stat()
    return found.st_ino, found.st_mtime_ns
