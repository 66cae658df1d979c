"""What a person could be known by in a file: raw forms, keyed hashes, and how they are looked for."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from limner.core.normal import masked

LONG: Final = 6
"""Raw forms shorter than this stand inside other words by chance: they are compared whole."""


@dataclass(frozen=True, slots=True)
class Needles:
    """What is looked for, each with its name for the report: raw forms as text, hashes as 16 bytes. It has no text
    form."""

    raws: Mapping[str, str] = field(default_factory=dict, repr=False)
    hashes: Mapping[bytes, str] = field(default_factory=dict, repr=False)

    @property
    def long(self) -> dict[str, str]:
        """The raw forms that are sought inside texts."""
        return {raw: name for raw, name in self.raws.items() if len(raw) >= LONG}

    @property
    def short(self) -> dict[str, str]:
        """The raw forms that are compared with whole texts."""
        return {raw: name for raw, name in self.raws.items() if len(raw) < LONG}

    def in_bytes(self) -> dict[bytes, str]:
        """Everything that is sought byte by byte: raw forms, hashes, and hashes as hex digits."""
        found = {raw.encode(): name for raw, name in self.long.items()}
        for mark, name in self.hashes.items():
            found |= {mark: f"hash of {name}", mark.hex().encode(): f"hash of {name}"}
        return found

    def shown(self) -> frozenset[str]:
        """The raw forms as rejects show them."""
        return frozenset(masked(raw) for raw in self.raws) | frozenset(self.raws)


def needles(addresses: Iterable[tuple[str, str]], marks: Iterable[tuple[str, bytes]]) -> Needles:
    """What a person could be known by: (kind, raw form) and (kind, hash). A phone is sought as it is said at home."""
    raws: dict[str, str] = {}
    for kind, raw in addresses:
        for form in (raw, raw.removeprefix("+86")) if raw.startswith("+86") else (raw,):
            raws[form] = kind
    return Needles(raws, {mark: kind for kind, mark in marks})


def grep(path: Path, wanted: Mapping[bytes, str]) -> Iterator[str]:
    """The names of what stands in the bytes of a file."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
            for needle, name in wanted.items():
                if body.find(needle) >= 0:
                    yield name
