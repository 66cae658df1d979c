"""What a collector answers beside its paths where it stands alone: that it is there, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from limner.edge.http.guard import Receive, Scope, Send

_THERE: Final = (200, b'{"state":"up"}')
_NOT_HERE: Final = (404, b'{"code":"not_here","message":"Only requests of clients are taken here."}')


async def alone(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer `GET /health`; every other path is somewhere else."""
    if scope["type"] != "http":
        return
    status, body = _THERE if scope["path"] == "/health" else _NOT_HERE
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
