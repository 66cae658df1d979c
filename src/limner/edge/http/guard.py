"""What stands before every request: whose host it names, whether it carries the token, how large it is.

Without a token the door answers this machine only. A page of another site that reaches it through the operator's
browser is known by the Host or the Origin it names, and refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from limner.core.errors import BadInput, LimnerError, Refused, words

WRONG_HOST = words(
    "http_host_unknown",
    "The host {host!r} is not served here. Ask by one of {known}, or add the name to [serve] hosts in limner.toml.",
)
WRONG_ORIGIN = words("http_origin_unknown", "Pages of {origin!r} may not ask here.")
NO_TOKEN = words("http_token_wrong", "The token is missing or wrong. Send it as `Authorization: Bearer TOKEN`.")
TOO_LARGE = words("http_body_too_large", "The request is larger than {most} bytes. Send less at once.")
NOT_JSON = words(
    "http_body_not_json", "The body is {type!r}. Send JSON, with the header `Content-Type: application/json`."
)

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Refusal: TypeAlias = Callable[[LimnerError, int, Scope, Receive, Send], Awaitable[None]]

LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS: Final = frozenset({"/health"})
"""Paths that answer without the token: they say nothing of customers."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may ask: the host names served, the token ("" none), and the most bytes of a body."""

    hosts: frozenset[str] = LOCAL
    token: str = ""
    most: int = 1 << 20


class Guard:
    """An ASGI application before another: it refuses, or passes the request on."""

    def __init__(self, app: App, terms: Terms, refuse: Refusal) -> None:
        self._app, self._terms, self._refuse = app, terms, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in scope["headers"]}
        try:
            self._check(scope, headers)
            body = await self._body(scope, headers, receive)
        except _Refused as refused:
            await self._refuse(refused.error, refused.status, scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        host = _name(f"//{headers.get('host', '')}")
        if host not in self._terms.hosts:
            known = ", ".join(sorted(self._terms.hosts))
            raise _Refused(Refused(WRONG_HOST, host=headers.get("host", ""), known=known), 421)
        origin = headers.get("origin", "")
        if origin and _name(origin) not in self._terms.hosts:
            raise _Refused(Refused(WRONG_ORIGIN, origin=origin), 403)
        if self._terms.token and scope["path"] not in OPEN_PATHS and not self._carries_token(headers):
            raise _Refused(Refused(NO_TOKEN), 401)

    def _carries_token(self, headers: dict[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self._terms.token.encode())
        return kind.lower() == "bearer" and right

    async def _body(self, scope: Scope, headers: dict[str, str], receive: Receive) -> bytes:
        """The whole body, read only as far as it may be long."""
        if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            return b""
        most = self._terms.most
        stated = headers.get("content-length", "0")
        if not stated.isdecimal() or int(stated) > most:
            raise _Refused(BadInput(TOO_LARGE, most=most), 413)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise _Refused(BadInput(NOT_JSON, type=kind), 415)
        body = b""
        while True:
            message = await receive()
            body += bytes(message.get("body", b""))
            if len(body) > most:
                raise _Refused(BadInput(TOO_LARGE, most=most), 413)
            if not message.get("more_body"):
                return body


class _Refused(Exception):
    """A request that is not passed on."""

    def __init__(self, error: LimnerError, status: int) -> None:
        super().__init__(error)
        self.error, self.status = error, status


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, then what really comes (the client going away)."""
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
