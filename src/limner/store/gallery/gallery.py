"""The gallery: a folder of versions, each a folder of columns."""

from __future__ import annotations

import json
import shutil
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pyroaring import BitMap

from limner.core.errors import NotFound, near, words
from limner.core.tell import Tell, silent
from limner.store.gallery.draft import DRAFT, Draft
from limner.store.gallery.erasing import erase
from limner.store.gallery.version import INDEX, Version, version_name

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
            if name in self._open and self._open[name].is_as_written():
                self._open.move_to_end(name)
                return self._open[name]
            if not (self.folder / version_name(name) / INDEX).exists():
                raise NotFound(NO_VERSION, near=near(name, self.versions()), name=name)
            found = self._open[name] = Version(self.folder / name)
            while len(self._open) > _OPEN_MOST:
                self._open.popitem(last=False)
            return found

    def labels(self, name: str) -> Mapping[str, Any]:
        """What a version says it was built of; nothing of it is opened."""
        try:
            index = json.loads((self.folder / version_name(name) / INDEX).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFound(NO_VERSION, near=near(name, self.versions()), name=name) from None
        found: Mapping[str, Any] = index["labels"]
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

    def overwrite(self, numbers: BitMap, tell: Tell = silent) -> int:
        """Erase customers: see `erasing`. How many versions there are; those who have one open look again."""
        found = self.versions()
        done: set[int] = set()
        for turn, name in enumerate(found, 1):
            erase(self.folder / name, numbers, done)
            tell(turn, len(found), "versions")
        with self._opening:
            self._open.clear()
        return len(found)


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
