"""What clients are told, as values and as bytes on the wire."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from limner.flow.sources.live.base import OK

_ANY: Final = ((b"access-control-allow-origin", b"*"),)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a body and its type; `more` are further headers. Pages of any site may hear it."""

    status: int
    body: bytes
    type: bytes = b"application/json"
    more: Sequence[tuple[bytes, bytes]] = ()
    wire: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lines = b"".join(b"%b: %b\r\n" % header for header in self.headers)
        status = b"%d %b" % (self.status, HTTPStatus(self.status).phrase.encode())
        object.__setattr__(self, "wire", b"HTTP/1.1 %b\r\n%b\r\n%b" % (status, lines, self.body))

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """All headers."""
        length = (b"content-length", b"%d" % len(self.body))
        return [(b"content-type", self.type), length, *_ANY, *self.more]


TAKEN: Final = Reply(200, OK.body)
UNKNOWN: Final = Reply(401, b'{"success":false,"status":0,"code":401,"error":"unknown write key"}')
TOO_LARGE: Final = Reply(413, b'{"success":false,"status":0,"code":413,"error":"the request is larger than may be"}')
_LATER: Final = b'{"success":false,"status":0,"code":%d,"error":"no room at the moment, send it again"}'
_WHEN: Final = ((b"retry-after", b"5"), (b"access-control-expose-headers", b"retry-after"))
NO_ROOM: Final = Reply(503, _LATER % 503, more=_WHEN)
COME_AGAIN: Final = Reply(429, _LATER % 429, more=_WHEN)
_HEADERS: Final = b"authorization, content-type, content-encoding, x-write-key, appid, compress, x-retry-count"
_NAMES: Final = re.compile(rb"[a-z0-9-]{1,60}(, ?[a-z0-9-]{1,60}){0,39}", re.IGNORECASE)


def preflight(asked: bytes) -> Reply:
    """Allow a page to send what it asks for. Clients add headers of their own to what they try again, and a page may
    send nothing with a header that was not allowed; who may write is told by the key.

    >>> dict(preflight(b"x-retry-count").more)[b"access-control-allow-headers"]
    b'x-retry-count'
    """
    allowed = asked if _NAMES.fullmatch(asked) else _HEADERS
    more = (
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", allowed),
        (b"access-control-max-age", b"86400"),
        (b"vary", b"access-control-request-headers"),
    )
    return Reply(204, b"", b"text/plain", more)
