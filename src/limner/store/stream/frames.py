"""Frames: sealed blocks one after the other in a segment file. What is written half is known by its seal.

A segment begins with its own random key, wrapped by the vault's; a frame is four bytes of length, then AES-256-GCM over
its content, its number within the segment being nonce and bound data. Bodies lie on the disk in no other form.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from limner.core.errors import Broken, words

if TYPE_CHECKING:
    from limner.store.vault import Vault

DAMAGED = words(
    "stream_damaged",
    "The stream's file {path} is damaged at byte {place}: what follows cannot be read. Restore the file from a copy, "
    "or move it out of the folder to go on without it.",
)
MAGIC: Final = b"LIMNER1\n"
_LENGTH: Final = struct.Struct(">I")
_TAG: Final = 16
MOST: Final = 1 << 30
"""No frame is longer; a longer one is damage."""


class Sealer:
    """Seals frames of one segment, in order."""

    def __init__(self, vault: Vault, name: str) -> None:
        key, wrapped = vault.file_key(name)
        self.head = MAGIC + _LENGTH.pack(len(wrapped)) + wrapped
        self._key, self._turn = AESGCM(key), 0

    def seal(self, content: bytes) -> bytes:
        """The next frame."""
        number = _number(self._turn)
        self._turn += 1
        sealed = self._key.encrypt(number, content, number)
        return _LENGTH.pack(len(sealed)) + sealed


def _number(turn: int) -> bytes:
    return turn.to_bytes(12, "big")


def frames(path: Path, vault: Vault, name: str, *, is_open: bool = False) -> Iterator[tuple[int, bytes]]:
    """Each frame of a segment: where it ends, and its content.

    A frame cut off at the end of the file was never acknowledged. In a file `is_open` it ends the walk, and so does one
    that does not open; in a closed one, where no such frame can be, either is damage.
    """
    with path.open("rb") as stream:
        head = stream.read(len(MAGIC) + _LENGTH.size)
        wrapped = stream.read(_LENGTH.unpack(head[-4:])[0] % MOST) if len(head) == len(MAGIC) + _LENGTH.size else b""
        if not head.startswith(MAGIC) or len(wrapped) != _LENGTH.unpack(head[-4:])[0]:
            if is_open:
                return
            raise Broken(DAMAGED, path=path.name, place=0)
        key, turn, end = AESGCM(vault.key_of(wrapped, name)), 0, stream.tell()
        while True:
            length = stream.read(_LENGTH.size)
            if not length:
                return
            sealed = stream.read(min(_LENGTH.unpack(length)[0], MOST)) if len(length) == _LENGTH.size else b""
            content = _opened(key, turn, sealed) if len(sealed) > _TAG - 1 else None
            if content is None:
                if is_open:
                    return
                raise Broken(DAMAGED, path=path.name, place=end)
            turn, end = turn + 1, stream.tell()
            yield end, content


def _opened(key: AESGCM, turn: int, sealed: bytes) -> bytes | None:
    number = _number(turn)
    try:
        return key.decrypt(number, sealed, number)
    except InvalidTag:
        return None
