"""Text files of unknown encoding as a stream of clean UTF-8 bytes: decoded, without NUL bytes and byte marks."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

from limner.core.errors import BadInput, Broken, words
from limner.flow.sources.base import EMPTY_FILE, UNREADABLE_FILE

UNKNOWN_ENCODING = words(
    "encoding_unknown",
    "{path} is in no encoding we can tell (tried {tried}). Write its encoding into the source's definition, "
    "such as encoding: gb18030. Nothing of it was taken.",
)
WRONG_ENCODING = words(
    "encoding_wrong", "{path}: there is no encoding {encoding!r}. Write a name such as utf-8, utf-16 or gb18030."
)

SAMPLE = 1 << 20
"""Bytes looked at to tell the encoding."""

LOST = "\ufffd"
"""What stands in a value where bytes could not be read."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TRIED = ("utf-8", "gb18030")
_MOST_LOST = 0.002
_BLOCK = 1 << 20


def opened(path: Path) -> BinaryIO:
    """The file's bytes, unpacked when its name ends in .gz."""
    try:
        return cast("BinaryIO", gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb"))
    except OSError as error:
        raise Broken(UNREADABLE_FILE, path=path, kind="a file", why=error.strerror or str(error)) from error


def sample_of(path: Path, size: int = SAMPLE) -> bytes:
    """The first bytes of a file."""
    try:
        with opened(path) as stream:
            return stream.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise Broken(UNREADABLE_FILE, path=path, kind="a file", why=str(error)) from error


def mark_of(path: Path) -> tuple[int, int]:
    """What changes when a file is written: its size and its time. What was seen of a file holds as long as it does."""
    try:
        stat = path.stat()
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def encoding_of(path: Path, stated: str = "") -> str:
    """The encoding stated, or found: a byte mark, UTF-16 by its zero bytes, UTF-8 if it fits, else GB18030 if it fits.

    A file that fits neither in full is the one that loses fewer characters, when that is no more than 1 in 500.
    """
    return _encoding_of(path, stated, mark_of(path))


@lru_cache(maxsize=256)
def _encoding_of(path: Path, stated: str, _mark: object) -> str:
    if stated:
        try:
            return codecs.lookup(stated).name
        except LookupError:
            raise BadInput(WRONG_ENCODING, path=path, encoding=stated) from None
    head = sample_of(path)
    if not head.strip(b"\x00\r\n\t \xef\xbb\xbf"):
        raise BadInput(EMPTY_FILE, path=path, what="rows")
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    odd, even = head[1::2].count(0), head[::2].count(0)
    if max(odd, even) > max(len(head) // 20, 1) and min(odd, even) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    lost = {name: _lost(head, name) for name in _TRIED}
    best = min(lost, key=lambda name: lost[name])
    if lost[best] > _MOST_LOST or b"\x00\x00\x00\x00" in head[:64]:
        raise BadInput(UNKNOWN_ENCODING, path=path, tried=", ".join(_TRIED))
    return best


def _lost(head: bytes, name: str) -> float:
    decoder = codecs.getincrementaldecoder(name)(errors="replace")
    found = decoder.decode(head)
    return found.count(LOST) / max(len(found), 1)


class Utf8Stream(io.RawIOBase):
    """A file's text as UTF-8 bytes; what cannot be read becomes U+FFFD, so that the row says where it is."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._stream = opened(path)
        self._path = path
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._is_utf8 = codecs.lookup(encoding).name == "utf-8"
        self._rest = b""
        self._ready = memoryview(b"")
        self._is_done = False
        self._is_first = True

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer with the next bytes; 0 at the end."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        while not self._ready and not self._is_done:
            self._ready = memoryview(self._next())
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def block(self) -> bytes:
        """The next bytes, as many as come at once; none at the end."""
        while not self._ready and not self._is_done:
            self._ready = memoryview(self._next())
        found, self._ready = bytes(self._ready), memoryview(b"")
        return found

    def _next(self) -> bytes:
        try:
            block = self._stream.read(_BLOCK)
        except (OSError, EOFError, zlib.error) as error:
            raise Broken(UNREADABLE_FILE, path=self._path, kind="a packed file", why=str(error)) from error
        self._is_done = not block
        found = self._as_it_is(block) if self._is_utf8 else self._decoded(block)
        if self._is_first and found:
            found, self._is_first = found.removeprefix(codecs.BOM_UTF8), False
        return found.replace(b"\x00", b"")

    def _as_it_is(self, block: bytes) -> bytes:
        """Bytes that are UTF-8 already need no more than a look, up to the last whole character."""
        whole, self._rest = self._rest + block, b""
        try:
            _, size = codecs.utf_8_decode(whole, "strict", self._is_done)
        except UnicodeDecodeError:
            self._is_utf8 = False
            return self._decoded(whole)
        self._rest = whole[size:]
        return whole[:size]

    def _decoded(self, block: bytes) -> bytes:
        return self._decoder.decode(block, final=self._is_done).encode("utf-8", "replace")

    def tell_bytes(self) -> int:
        """Bytes of the file read so far (of a packed one: unpacked)."""
        return self._stream.tell()

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()
        super().close()
