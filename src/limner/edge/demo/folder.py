"""The folder a demo plays in, and its clock."""

from __future__ import annotations

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


def prepare(home: Path, pack: str) -> None:
    """Copy a pack into a folder that is empty or holds an earlier demo, which is taken away."""
    if home.exists() and any(home.iterdir()):
        if not (home / _MARK).exists():
            raise Clash(FOLDER_TAKEN, path=home)
        shutil.rmtree(home)
    shutil.copytree(pack_folder(pack), home, dirs_exist_ok=True)
    (home / _MARK).touch()
    (home / "data").mkdir(exist_ok=True)
    make_keys(home)
