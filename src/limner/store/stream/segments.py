"""The stream's files: parts (one per writer), in each numbered segments that are open, closed, or drained."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.store.stream.base import Segment, Told, Waiting, silent
from limner.store.stream.envelope import Envelope, unpacked
from limner.store.stream.frames import frames

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.store.stream.base import Writer
    from limner.store.vault import Vault

OPEN: Final = ".open"
CLOSED: Final = ".closed"
DRAINED: Final = ".drained"
"""What a segment's name ends in. Closed ones wait to be drained; drained ones stay a while, to be looked at."""


class Segments:
    """The stream in a folder. Writers are `SegmentWriter`s, each with a part of its own."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self.folder, self._vault = folder, vault

    def has_work(self) -> bool:
        """Whether anything may wait to be drained; a look at the folder."""
        return any(self._files(CLOSED)) or any(
            not _is_locked(part) for part in self._parts() if any(part.glob(f"*{OPEN}"))
        )

    def waiting(self, most: int) -> Waiting:
        """The oldest closed segments that fit together; what a writer that died has left open is closed before."""
        found: list[Segment] = []
        closed, size = self.closed(), 0
        for segment in closed:
            size += self._path(segment, CLOSED).stat().st_size
            if found and size > most:
                break
            found.append(segment)
        return Waiting(tuple(found), len(closed) - len(found))

    def closed(self) -> tuple[Segment, ...]:
        """All closed segments, oldest first; what a writer that died has left open is closed before."""
        for part in self._parts():
            if any(part.glob(f"*{OPEN}")) and (lock := locked(part)) is not None:
                try:
                    close_left(part, self._vault)
                finally:
                    os.close(lock)
        return self._named(CLOSED)

    def read(self, segment: Segment) -> Iterator[Envelope]:
        """The envelopes of a closed segment, in the order they came; of one that was moved away none."""
        path = self._path(segment, CLOSED)
        for _, content in frames(path, self._vault, segment.name) if path.exists() else ():
            yield from unpacked(content)

    def passed(self, connection: Connection, segments: Sequence[Segment]) -> None:
        """Nothing to note: a file's name says whether it is drained."""

    def recent(self) -> Iterator[Envelope]:
        """Whatever is still there, drained, closed and open, oldest file first."""
        for path in sorted(self._files(), key=lambda path: (path.stat().st_mtime_ns, path.name)):
            name = f"{path.parent.name}/{path.stem}"
            try:
                for _, content in frames(path, self._vault, name, is_open=True):
                    yield from unpacked(content)
            except FileNotFoundError:
                continue  # closed or drained between listing and opening: it comes under its new name next time

    def drained(self, segments: Sequence[Segment]) -> None:
        """Say that segments are in the lake; asked twice it changes nothing."""
        for segment in segments:
            path = self._path(segment, CLOSED)
            if path.exists():
                path.rename(path.with_suffix(DRAINED))
        for part in {segment.part for segment in segments}:
            if (self.folder / part).exists():
                synced(self.folder / part)

    def sweep(self, before: float, most: int = 0) -> int:
        """Delete drained segments that were written before a moment (seconds of the clock), and the oldest of more
        than `most` bytes; how many went."""
        found = sorted(self._files(DRAINED), key=lambda path: path.stat().st_mtime)
        size, gone = sum(path.stat().st_size for path in found), 0
        for path in found:
            if path.stat().st_mtime < before or size > most:
                size -= path.stat().st_size
                path.unlink()
                gone += 1
        return gone

    def elsewhere(self) -> str:
        """Nowhere: what is drained is in the folder."""
        return ""

    def writer(self, *, disk_free: int = 0, told: Told = silent) -> Writer:
        """A writer with a part of its own; of a disk there is nothing to tell but by its errors."""
        from limner.store.stream.writer import SegmentWriter

        del told
        return SegmentWriter(self.folder, self._vault, disk_free=disk_free)

    def close(self) -> None:
        """Nothing is held open."""

    def _parts(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_dir()) if self.folder.exists() else []

    def _files(self, *ends: str) -> list[Path]:
        wanted = ends or (OPEN, CLOSED, DRAINED)
        return [path for part in self._parts() for path in part.iterdir() if path.suffix in wanted]

    def _named(self, end: str) -> tuple[Segment, ...]:
        return tuple(sorted(Segment(path.parent.name, int(path.stem)) for path in self._files(end)))

    def _path(self, segment: Segment, end: str) -> Path:
        return self.folder / f"{segment.name}{end}"


def partitions(folder: Path) -> Iterator[Path]:
    """The parts that a writer of this machine may take, one after the other."""
    host = "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname().lower())[:60]
    return (folder / f"{host or 'host'}-{turn}" for turn in count())


def locked(part: Path) -> int | None:
    """The lock on a part of the stream, which ends with this process or when it is closed; None when it is taken."""
    part.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(part / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _is_locked(part: Path) -> bool:
    lock = locked(part)
    if lock is None:
        return True
    os.close(lock)
    return False


def close_left(part: Path, vault: Vault) -> None:
    """Close what a writer that died has left open, cut after its last whole frame. The caller holds the part's lock."""
    for path in sorted(part.glob(f"*{OPEN}")):
        end = 0
        for place, _ in frames(path, vault, f"{part.name}/{path.stem}", is_open=True):
            end = place
        if not end:
            path.unlink()  # nothing in it was acknowledged
            continue
        with path.open("r+b") as stream:
            stream.truncate(end)
            os.fsync(stream.fileno())
        path.rename(path.with_suffix(CLOSED))
    synced(part)


def synced(folder: Path) -> None:
    """See that what the folder lists is on the disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
