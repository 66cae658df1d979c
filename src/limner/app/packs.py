"""Packs: whole workspaces that ship with the product (the checkout's `examples/`, the wheel's `limner/packs`)."""

from __future__ import annotations

from pathlib import Path

import limner
from limner.core.errors import NotFound, near, words

UNKNOWN_PACK = words("pack_unknown", "There is no pack {name!r}. Known: {known}.")


def pack_folder(name: str) -> Path:
    """The folder of a pack."""
    known = pack_folders()
    if name not in known:
        raise NotFound(UNKNOWN_PACK, near=near(name, known), name=name, known=", ".join(sorted(known)))
    return known[name]


def pack_folders() -> dict[str, Path]:
    """Every pack by its name."""
    home = Path(limner.__file__).parent
    places = (home / "packs", home.parent.parent / "examples")
    return {
        folder.name: folder
        for place in places
        if place.is_dir()
        for folder in sorted(place.iterdir())
        if (folder / "limner.toml").exists()
    }
