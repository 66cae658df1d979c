"""Twins of providers: small real servers on the loopback, for contract tests, benchmarks and trying a channel.

A twin takes everything, except addresses that begin with `reject` (never) and `later` (not now). It remembers key and
address of what it took, in order, also when a key comes again.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self


class Twin(Protocol):
    """A provider of our own, entered with `async with`. `options` and `secrets` are those of a channel to it."""

    @property
    def options(self) -> Mapping[str, object]:
        """The options of a channel to it."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secrets of a channel to it."""

    def received(self) -> list[tuple[str, str]]:
        """Key and address of every message taken, in order of arrival."""

    async def __aenter__(self) -> Self:
        """Open for business."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


class _Server:
    """A server on a free loopback port; connections are cut when it closes."""

    def __init__(self) -> None:
        self.secrets: Mapping[str, str] = {}
        self.port = 0
        self._took: list[tuple[str, str]] = []
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def received(self) -> list[tuple[str, str]]:
        """Key and address of every message taken, in order of arrival."""
        return list(self._took)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port, limit=1 << 26)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the other side ends it."""


class MailTwin(_Server):
    """A mail server: EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT."""

    @property
    def options(self) -> Mapping[str, object]:
        """The options of an smtp channel to it."""
        return {"host": "127.0.0.1", "port": self.port, "sender": "shop@shop.example", "tls": "none"}

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 twin\r\n")
        address = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                address = line[line.find(b"<") + 1 : line.rfind(b">")].decode()
                writer.write(_MAIL_SAYS.get(address[:5], b"250 ok\r\n"))
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                found = re.search(rb"^Message-ID:\s*<([^@>]+)", body, re.MULTILINE | re.IGNORECASE)
                self._took.append((found[1].decode() if found else "", address))
                writer.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250-twin\r\n250 SMTPUTF8\r\n" if verb == b"EHLO" else b"250 ok\r\n")
            await writer.drain()


_MAIL_SAYS = {"rejec": b"550 5.1.1 no such user\r\n", "later": b"451 4.7.1 try again later\r\n"}


class GatewayTwin(_Server):
    """A message gateway: POSTed JSON batches, answered message by message."""

    @property
    def options(self) -> Mapping[str, object]:
        """The options of a webhook channel to it."""
        return {"url": f"http://127.0.0.1:{self.port}/messages"}

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = re.search(rb"content-length:\s*(\d+)", head, re.IGNORECASE)
            batch = json.loads(await reader.readexactly(int(length[1]) if length else 0))
            answer = json.dumps({"results": [self._take(message) for message in batch["messages"]]}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()

    def _take(self, message: Mapping[str, str]) -> dict[str, str]:
        key, address = message["key"], message["to"]
        status = {"rejec": "rejected", "later": "later"}.get(address[:5], "taken")
        if status == "taken":
            self._took.append((key, address))
        return {"key": key, "status": status, "words": "by the twin"}
