"""What a message holds: an envelope under the stream's key, and a mark by which the same envelope is known again.

Each writer has a key of its own, made of the stream's key and a random salt; the number of the message is its nonce. A
message says both. Bodies hold addresses, and a topic is kept on machines that are none of ours.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from limner.store.stream.envelope import Envelope, joined, unpacked

OVER: Final = 64
"""Bytes, at most, by which a message is longer than its envelope."""

_VERSION: Final = b"\x01"
_SALT: Final = 16
_TURN: Final = 8
_HEAD: Final = len(_VERSION) + _SALT + _TURN
_KEPT: Final = 4096
"""Keys of writers that are remembered."""


def stream_key(hash_key: bytes) -> bytes:
    """The stream's key where none is set: made of the key that all processes of a workspace share."""
    return _derived(hash_key, b"", b"limner stream")


class Sealer:
    """Makes messages of envelopes, for one writer."""

    def __init__(self, key: bytes) -> None:
        self._salt, self._turn = os.urandom(_SALT), 0
        self._key, self._marks = AESGCM(_derived(key, self._salt, b"limner writer")), _derived(key, b"", b"limner mark")

    def seal(self, envelope: bytes) -> bytes:
        """A packed envelope as the value of a message."""
        turn = self._turn.to_bytes(_TURN, "big")
        self._turn += 1
        head = _VERSION + self._salt + turn
        return head + self._key.encrypt(bytes(4) + turn, joined([envelope]), head)

    def mark(self, envelope: bytes) -> bytes:
        """16 bytes that tell packed envelopes apart and nothing of what they hold: the key of the message."""
        return hmac.digest(self._marks, envelope, hashlib.sha256)[:16]


class Opener:
    """Opens messages of any writer."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._keys: dict[bytes, AESGCM] = {}

    def open(self, value: bytes | None) -> list[Envelope] | None:
        """The envelopes of a message; None for what was not sealed under the stream's key."""
        if value is None or len(value) < _HEAD or not value.startswith(_VERSION):
            return None
        salt, turn = value[1 : 1 + _SALT], value[1 + _SALT : _HEAD]
        if salt not in self._keys:
            if len(self._keys) >= _KEPT:
                self._keys.clear()
            self._keys[salt] = AESGCM(_derived(self._key, salt, b"limner writer"))
        try:
            return unpacked(self._keys[salt].decrypt(bytes(4) + turn, value[_HEAD:], value[:_HEAD]))
        except InvalidTag:
            return None


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=purpose).derive(key)
