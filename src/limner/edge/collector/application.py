"""The collector as an ASGI application: a request is known by its path, opened by its key, kept, and answered.

It stands before the rest of the door and takes the paths of the protocols; everything else is passed on. What a
request says is read later: here only its key and its size are looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from limner.core.errors import LimnerError
from limner.edge.collector.commit import GroupCommit
from limner.edge.collector.keys import Doorkeeper, now_us
from limner.edge.collector.replies import COME_AGAIN, NO_ROOM, TAKEN, TOO_LARGE, UNKNOWN, Reply, preflight
from limner.edge.http.guard import App, Receive, Scope, Send
from limner.flow.sources.live.base import OK, Intake, Request, protocols
from limner.flow.sources.live.bodies import Unusable, inflated
from limner.store.stream import Envelope
from limner.store.stream.base import Told, silent
from limner.store.stream.envelope import packed

if TYPE_CHECKING:
    from limner.store.stores import Stores

Found: TypeAlias = tuple[str, Intake]
"""A protocol by its name."""

MOST: Final = 10 << 20
"""Bytes of a request as it is sent."""

_KEPT: Final = frozenset(
    {b"authorization", b"content-encoding", b"x-write-key", b"appid", b"host", b"user-agent", b"x-forwarded-for"}
    | {b"x-forwarded-proto"}
)
"""Headers that protocols and the collector look at."""

_NEAR: Final = frozenset({"127.0.0.1", "::1"})
"""Where a proxy of ours stands: what it says of the client's address is believed."""


class Collector:
    """Takes the protocols' paths, and passes everything else to `app`. The stream is opened with the first request;
    `told` hears when it goes away and comes back."""

    def __init__(self, stores: Stores, app: App, told: Told = silent) -> None:
        self._stores, self._app, self._told = stores, app, told
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
        found = self.find(method, path)
        if found is not None:
            await self._take(scope, receive, send, found)
        elif method == "OPTIONS" and (path in self._paths or self.find("GET", path)):
            await _send(send, preflight(dict(scope["headers"]).get(b"access-control-request-headers", b"")))
        else:
            await self._app(scope, receive, send)

    def find(self, method: str, path: str) -> Found | None:
        """The protocol whose path this is; None for everything else."""
        found = self._exact.get((method, path))
        if found is not None:
            return found
        return next(
            ((name, kind) for verb, head, name, kind in self._under if verb == method and path.startswith(head)), None
        )

    async def _take(self, scope: Scope, receive: Receive, send: Send, found: Found) -> None:
        body = await _body(receive)
        if body is None:
            await _send(send, TOO_LARGE)
            return
        client = scope.get("client")
        query = scope["query_string"].decode("latin-1")
        request = Request(scope["method"], scope["path"], query, kept(scope["headers"]), body)
        heard: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def reply(said: Reply) -> None:
            if not heard.done():
                heard.set_result(said)

        self.hear(found, request, client[0] if client else "", reply)
        await _send(send, await heard)

    def hear(self, found: Found, request: Request, address: str, reply: Callable[[Reply], object]) -> None:
        """Take a request; `reply` is called once, at once or when it is on the disk, in the loop's thread."""
        try:
            self._hear(found, request, address, reply)
        except LimnerError as error:
            reply(refused(error))
        except Exception:  # a kind that fails takes nobody else with it, and nothing of this request was taken
            reply(NO_ROOM)

    def _hear(self, found: Found, request: Request, address: str, reply: Callable[[Reply], object]) -> None:
        name, kind = found
        keys, commit = self._opened()
        source = keys.source(kind.key(request))
        if not source:
            reply(UNKNOWN)
            return
        answer = kind.answer(request)
        told = TAKEN if answer is OK else Reply(200, answer.body, answer.type.encode())
        if not request.body and not request.query:
            reply(told)
            return
        size = _size(request.body)
        if size is None:
            reply(TOO_LARGE)
            return
        text = packed(_envelope(request, address, source, name))
        commit.submit(text, size, lambda error: reply(told if error is None else refused(error)))

    def _opened(self) -> tuple[Doorkeeper, GroupCommit]:
        if self._keys is None or self._commit is None:
            stores = self._stores
            self._keys = Doorkeeper(stores.ledger)
            spare = stores.settings.limits.disk_free
            self._commit = GroupCommit(stores.stream.writer(disk_free=spare, told=self._told))
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


def _envelope(request: Request, address: str, source: str, name: str) -> Envelope:
    path = f"{request.method} {request.path}" + (f"?{request.query}" if request.query else "")
    agent, via = request.headers.get("user-agent", "")[:500], request.headers.get("x-forwarded-for", "")
    if via and address in _NEAR:
        address = via.rpartition(",")[2].strip()[:60]
    return Envelope(now_us(), source, name, path, agent, address, request.body)


def kept(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that are looked at."""
    return {name.decode("latin-1"): text.decode("latin-1") for name, text in headers if name in _KEPT}


def refused(error: Exception) -> Reply:
    """No room, or the disk does not answer: nothing was taken, the client may send it again. Or it is too large."""
    code = error.code if isinstance(error, LimnerError) else ""
    return COME_AGAIN if code == "stream_busy" else TOO_LARGE if code == "stream_too_large" else NO_ROOM


async def _send(send: Send, reply: Reply) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body})
