"""Writing the stream: a list of envelopes is one frame, on the disk before anybody is answered."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.core.errors import Broken, Full, words
from limner.store.stream.envelope import joined
from limner.store.stream.frames import MOST, Sealer
from limner.store.stream.segments import CLOSED, OPEN, close_left, locked, partitions, synced

if TYPE_CHECKING:
    from limner.store.vault import Vault

STREAM_FULL = words(
    "stream_full",
    "There is no room for the stream in {place}: {why}. Nothing of this request was taken; free some space, then send "
    "it again.",
)
STREAM_BROKEN = words("stream_unwritable", "The stream cannot be written in {place}: {why}.")

SIZE: Final = 32 << 20
"""Bytes, as they unpack, after which a segment is closed."""

_LOOK: Final = 16 << 20
"""Bytes between two looks at the room on the disk."""


class SegmentWriter:
    """The one writer of a part of the stream: a folder that no other process writes.

    `write` is for one thread. A segment is closed by size, or by `close_segment` when what it holds is to be drained.
    """

    def __init__(self, folder: Path, vault: Vault, *, disk_free: int = 0) -> None:
        self._vault, self._spare = vault, disk_free << 20
        self.part, self._lock = _own(folder)
        close_left(self.part, vault)
        self._turn = 1 + max((int(path.stem) for path in self.part.iterdir() if path.stem.isdecimal()), default=0)
        self._file = -1
        self._size, self._unpacked, self._unlooked = 0, 0, _LOOK
        self._name = ""

    @property
    def most(self) -> int:
        """Bytes of the largest envelope it takes."""
        return MOST >> 1

    @property
    def number(self) -> int:
        """The number of the segment that was begun last."""
        return self._turn - 1

    @property
    def size(self) -> int:
        """Bytes in the open segment; 0 when it holds nothing."""
        return self._size

    def write(self, envelopes: Sequence[bytes], unpacked: int = 0) -> None:
        """Put packed envelopes on the disk, all or none; when it returns they are there.

        `unpacked` is how many bytes their bodies unpack to, where they are packed.
        """
        content = joined(envelopes)
        self._need_room(len(content))
        if self._file < 0:
            self._begin()
        before = self._size
        try:
            end = _written(self._file, self._sealer.seal(content), before)
        except OSError as error:
            self._give_up(before)
            raise self._said(error) from error
        self._size = end
        self._unpacked += max(unpacked, len(content))
        if self._unpacked >= SIZE:
            self.close_segment()

    def close_segment(self) -> None:
        """Close the open segment, so that it can be drained; nothing when there is none."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file, self._size = -1, 0
        path = self.part / f"{self._name}{OPEN}"
        path.rename(path.with_suffix(CLOSED))
        synced(self.part)

    def close(self) -> None:
        """Close the segment and let go of the folder."""
        self.close_segment()
        os.close(self._lock)

    def _begin(self) -> None:
        self._name, self._unpacked = f"{self._turn:012d}", 0
        self._turn += 1
        self._sealer = Sealer(self._vault, f"{self.part.name}/{self._name}")
        path = self.part / f"{self._name}{OPEN}"
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._size = _written(self._file, self._sealer.head, 0)
            synced(self.part)
        except OSError as error:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            path.unlink(missing_ok=True)
            raise self._said(error) from error

    def _give_up(self, size: int) -> None:
        """Leave a segment that could not be written, without what was written half."""
        file, self._file, self._size = self._file, -1, 0
        path = self.part / f"{self._name}{OPEN}"
        try:
            if size:
                os.ftruncate(file, size)
            os.close(file)
            if size:
                path.rename(path.with_suffix(CLOSED))
            else:
                path.unlink()
        except OSError:
            return  # the next to open the folder finds it and cuts it at its last whole frame

    def _need_room(self, size: int) -> None:
        self._unlooked += size
        if self._unlooked >= _LOOK:
            free = shutil.disk_usage(self.part).free
            if free - size < self._spare:
                why = f"{free >> 20} MiB are free, {self._spare >> 20} must stay free"
                raise Full(STREAM_FULL, place=self.part, why=why)
            self._unlooked = 0

    def _said(self, error: OSError) -> Full | Broken:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return Full(STREAM_FULL, place=self.part, why=os.strerror(error.errno))
        return Broken(STREAM_BROKEN, place=self.part, why=str(error))


def _written(file: int, data: bytes, place: int) -> int:
    """Put data at a place of a file and on the disk; where it ends.

    Where the system can do both at once it does: whoever else runs in this process is held up once, not twice.
    """
    view, at = memoryview(data), place
    with_sync = getattr(os, "RWF_DSYNC", None)
    while view:
        done = os.pwritev(file, [view], at, with_sync) if with_sync else os.pwrite(file, view, at)
        view, at = view[done:], at + done
    if not with_sync:
        os.fsync(file)
    return at


def _own(folder: Path) -> tuple[Path, int]:
    """A part of the stream that nobody writes, and the lock on it, which ends with this process."""
    for part in partitions(folder):
        file = locked(part)
        if file is not None:
            return part, file
    raise AssertionError("partitions never end")
