"""Sealing an address, and wrapping the keys of addresses under the master of a vault.

Text: AES-256-GCM under a key used once, bound to the trace. Keys: AES-256-CTR under a key derived from the master
(HKDF, RFC 5869), so that thousands are wrapped in one call. CTR alone would not notice a changed key; the tag of the
text does, because a changed key does not open it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY: Final = 32
NONCE: Final = 12
_BLOCK: Final = 16
_BLOCKS: Final = KEY // _BLOCK
_OLD: Final = NONCE + KEY + 16
"""Bytes of a key wrapped the first way: nonce, key and tag of AES-GCM under the master itself."""


def sealed(random: bytes, trace: int, raw: str) -> bytes:
    """An address sealed under the key and nonce of `random` (KEY + NONCE bytes): the nonce, then the text."""
    key, nonce = random[:KEY], random[KEY:]
    return nonce + AESGCM(key).encrypt(nonce, raw.encode(), b"%d" % trace)


def unsealed(key: bytes, trace: int, text: bytes) -> str:
    """The address again; InvalidTag when the key, the trace or the text is not the one it was sealed with."""
    return AESGCM(key).decrypt(text[:NONCE], text[NONCE:], b"%d" % trace).decode()


class Master:
    """A vault's key: wraps the keys of addresses. `mark` tells masters apart and says nothing of the key.

    >>> one = Master(bytes(32))
    >>> one.unwrap([(0, one.wrap(bytes(range(64)))[1])]) == [bytes(range(32, 64))]
    True
    """

    def __init__(self, key: bytes) -> None:
        self._first = AESGCM(key)
        self._wrapping = algorithms.AES256(_derived(key, b"limner vault wrapping"))
        self.mark = _derived(key, b"limner vault mark")[:8]

    def wrap(self, keys: bytes) -> list[bytes]:
        """Keys lying one after the other, each wrapped: the counter it was wrapped at, and the key."""
        start, count = os.urandom(NONCE), len(keys) // KEY
        hidden = self._turned(keys, start + bytes(_BLOCK - NONCE))
        counters = (start + (_BLOCKS * n).to_bytes(_BLOCK - NONCE, "big") for n in range(count))
        return [counter + hidden[KEY * n : KEY * n + KEY] for n, counter in enumerate(counters)]

    def unwrap(self, wrapped: Sequence[tuple[int, bytes]]) -> list[bytes]:
        """The keys of (trace, wrapped key) again, in order; of those wrapped the first way InvalidTag when this is not
        their master. Keys that were wrapped together and stand together are unwrapped in one call."""
        found: list[bytes] = []
        begin = 0
        for end in range(1, len(wrapped) + 1):
            if end == len(wrapped) or not _follows(wrapped[begin][1], wrapped[end][1], end - begin):
                found += self._together(wrapped[begin:end])
                begin = end
        return found

    def _together(self, wrapped: Sequence[tuple[int, bytes]]) -> list[bytes]:
        trace, first = wrapped[0]
        if len(first) == _OLD:
            return [self._first.decrypt(first[:NONCE], first[NONCE:], b"%d" % trace)]
        keys = self._turned(b"".join(one[_BLOCK:] for _, one in wrapped), first[:_BLOCK])
        return [keys[start : start + KEY] for start in range(0, len(keys), KEY)]

    def _turned(self, keys: bytes, counter: bytes) -> bytes:
        cipher = Cipher(self._wrapping, modes.CTR(counter)).encryptor()
        return cipher.update(keys) + cipher.finalize()


def _follows(first: bytes, one: bytes, distance: int) -> bool:
    """Whether a key was wrapped with another, so many places behind it."""
    counter = int.from_bytes(first[NONCE:_BLOCK], "big") + _BLOCKS * distance
    return len(first) == len(one) != _OLD and one[:_BLOCK] == first[:NONCE] + counter.to_bytes(_BLOCK - NONCE, "big")


def _derived(key: bytes, what: bytes) -> bytes:
    return HKDF(SHA256(), KEY, salt=None, info=what).derive(key)
