"""The collector as an ASGI application: a request is known by its path, opened by its key, kept, and answered.

It stands before the rest of the door and takes the paths of the protocols; everything else is passed on. What a
request says is read later: here only its key and its size are looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from limner.core.errors import Full, LimnerError
from limner.edge.collector.commit import GroupCommit
from limner.edge.collector.keys import Doorkeeper, now_us
from limner.edge.http.guard import App, Receive, Scope, Send
from limner.flow.sources.live.base import OK, Answer, Intake, Request, protocols
from limner.flow.sources.live.bodies import Unusable, inflated
from limner.store.stream import Envelope, Writer
from limner.store.stream.envelope import packed

if TYPE_CHECKING:
    from limner.store.stores import Stores

MOST: Final = 10 << 20
"""Bytes of a request as it is sent."""

_ANY: Final = [(b"access-control-allow-origin", b"*")]
_PREFLIGHT: Final = [
    *_ANY,
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, content-encoding, x-write-key, appid, compress"),
    (b"access-control-max-age", b"86400"),
]
_UNKNOWN: Final = b'{"success":false,"status":0,"code":401,"error":"unknown write key"}'
_LARGE: Final = b'{"success":false,"status":0,"code":413,"error":"the request is larger than may be"}'
_FULL: Final = b'{"success":false,"status":0,"code":503,"error":"no room at the moment, send it again"}'
_TAKEN: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", OK.type.encode()), (b"content-length", str(len(OK.body)).encode()), *_ANY],
}
_TAKEN_BODY: Final = {"type": "http.response.body", "body": OK.body}
_KEPT: Final = frozenset({b"authorization", b"content-encoding", b"x-write-key", b"appid", b"host", b"user-agent"})
"""Headers that protocols may look at."""


class Collector:
    """Takes the protocols' paths, and passes everything else to `app`. The stream is opened with the first request."""

    def __init__(self, stores: Stores, app: App) -> None:
        self._stores, self._app = stores, app
        self._exact: dict[tuple[str, str], tuple[str, Intake]] = {}
        self._under: list[tuple[str, str, str, Intake]] = []
        for name, cls in protocols:
            kind = cls()
            for method, path in cls.routes:
                if path.endswith("*"):
                    self._under.append((method, path[:-1], name, kind))
                else:
                    self._exact[method, path] = (name, kind)
        self._paths = {path for _, path in self._exact}
        self._keys: Doorkeeper | None = None
        self._commit: GroupCommit | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        found = self._exact.get((method, path)) or self._find(method, path)
        if found is not None:
            await self._take(scope, receive, send, *found)
        elif method == "OPTIONS" and (path in self._paths or self._find("GET", path)):
            await _reply(send, 204, b"", b"text/plain", _PREFLIGHT)
        else:
            await self._app(scope, receive, send)

    def _find(self, method: str, path: str) -> tuple[str, Intake] | None:
        return next(
            ((name, kind) for verb, head, name, kind in self._under if verb == method and path.startswith(head)), None
        )

    async def _take(self, scope: Scope, receive: Receive, send: Send, name: str, kind: Intake) -> None:
        body = await _body(receive)
        if body is None:
            await _reply(send, 413, _LARGE)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"] if k in _KEPT}
        query = scope["query_string"].decode("latin-1")
        request = Request(scope["method"], scope["path"], query, headers, body)
        keys, commit = self._opened()
        source = keys.source(kind.key(request))
        if not source:
            await _reply(send, 401, _UNKNOWN)
            return
        if body or query:
            size = _size(body)
            if size is None:
                await _reply(send, 413, _LARGE)
                return
            try:
                await commit.put(packed(_envelope(scope, headers, source, name, body)), size)
            except LimnerError as error:
                await _refuse(send, error)
                return
        await _answer(send, kind.answer(request))

    def _opened(self) -> tuple[Doorkeeper, GroupCommit]:
        if self._keys is None or self._commit is None:
            stores = self._stores
            self._keys = Doorkeeper(stores.ledger)
            writer = Writer(stores.stream.folder, stores.vault, disk_free=stores.settings.limits.disk_free)
            self._commit = GroupCommit(writer)
        return self._keys, self._commit

    def close(self) -> None:
        """Write what waits and close the stream."""
        if self._keys is not None:
            self._keys.close()
        if self._commit is not None:
            self._commit.close()


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is larger than may be."""
    message = await receive()
    body = bytes(message.get("body", b""))
    if not message.get("more_body"):
        return body if len(body) <= MOST else None
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        part = bytes(message.get("body", b""))
        size += len(part)
        if size > MOST:
            return None
        parts.append(part)
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
    return b"".join(parts)


def _size(body: bytes) -> int | None:
    """Bytes of a body when it is unpacked; None when that is more than may be. What is broken is told later."""
    try:
        return len(inflated(body)) if body[:1] in (b"\x1f", b"\x78") else len(body)
    except Unusable as error:
        return None if "larger" in error.bad.reason else len(body)


def _envelope(scope: Scope, headers: Mapping[str, str], source: str, name: str, body: bytes) -> Envelope:
    query = scope["query_string"]
    path = f"{scope['method']} {scope['path']}" + (f"?{query.decode('latin-1')}" if query else "")
    client = scope.get("client")
    return Envelope(
        now_us(), source, name, path, headers.get("user-agent", "")[:500], client[0] if client else "", body
    )


async def _answer(send: Send, answer: Answer) -> None:
    if answer is OK:
        await send(_TAKEN)
        await send(_TAKEN_BODY)
    else:
        await _reply(send, 200, answer.body, answer.type.encode())


async def _refuse(send: Send, error: LimnerError) -> None:
    """No room, or the disk does not answer: nothing was taken, the client may send it again."""
    code = 429 if isinstance(error, Full) and error.code == "stream_busy" else 503
    await _reply(send, code, _FULL, b"application/json", [*_ANY, (b"retry-after", b"5")])


async def _reply(
    send: Send, code: int, body: bytes, kind: bytes = b"application/json", more: list[tuple[bytes, bytes]] = _ANY
) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
