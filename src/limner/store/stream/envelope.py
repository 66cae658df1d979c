"""One request as it came, and the bytes it is kept as."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

_ARRAY: Final = struct.Struct(">BI")
_ARRAY_32: Final = 0xDD
"""MessagePack's mark of an array whose length takes four bytes."""


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """A request that was acknowledged: when it came (µs UTC), for which source, by which protocol, and what it held.

    `path` is the path with its query, `agent` the client's User-Agent, `address` where it came from: both are for
    enrichment only. `body` is as it was sent, packed when it was.
    """

    received_at: int
    source: str
    protocol: str
    path: str
    agent: str
    address: str
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Envelope])


def packed(envelope: Envelope) -> bytes:
    """One envelope as bytes."""
    return _encoder.encode(envelope)


def joined(envelopes: Sequence[bytes]) -> bytes:
    """Packed envelopes as one list."""
    return _ARRAY.pack(_ARRAY_32, len(envelopes)) + b"".join(envelopes)


def unpacked(data: bytes) -> list[Envelope]:
    """The envelopes of a list.

    >>> one = Envelope(1, "web", "segment", "/v1/batch", "", "", b"{}")
    >>> unpacked(joined([packed(one)])) == [one]
    True
    """
    return _decoder.decode(data)
