"""The folder a demo plays in, and its clock."""

from __future__ import annotations

import hashlib
import shutil
from datetime import datetime
from pathlib import Path

from limner.app.opening import make_keys
from limner.app.packs import pack_folder
from limner.core.errors import Clash, words

FOLDER_TAKEN = words(
    "demo_folder_taken", "{path} is not a demo made before. Choose another folder with --folder, or empty it."
)
_MARK = ".limner-demo"


class Clock:
    """A clock that is set by hand."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


def prepare(home: Path, pack: str, seed: int | None = None) -> None:
    """Copy a pack into a folder that is empty or holds an earlier demo, which is taken away.

    With a `seed`, the key of identifiers follows from it: customers then have the same numbers, and the same of them
    are held out, each time a demo is played. Its people are made up, so nobody's key is given away.
    """
    if home.exists() and any(home.iterdir()):
        if not (home / _MARK).exists():
            raise Clash(FOLDER_TAKEN, path=home)
        shutil.rmtree(home)
    shutil.copytree(pack_folder(pack), home, dirs_exist_ok=True)
    (home / _MARK).touch()
    (home / "data").mkdir(exist_ok=True)
    make_keys(home)
    if seed is not None:
        (home / "state" / "keys" / "hash.key").write_text(hashlib.sha256(b"demo %d" % seed).hexdigest() + "\n")
