"""The collector straight at the wire: its requests are answered between parser and socket, the others go on as before.

One event a request is what most clients send, and the way through an application costs more than taking the event. The
server's own protocol stays what it is for every other path.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from limner.edge.collector.application import MOST, kept
from limner.edge.collector.replies import TOO_LARGE, Reply
from limner.flow.sources.live.base import Request

if TYPE_CHECKING:
    from limner.edge.collector.application import Collector, Found

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Answer:
    """A place in the order of answers: what is told there, once it is known."""

    __slots__ = ("is_last", "reply")

    def __init__(self, *, is_last: bool) -> None:
        self.reply: Reply | None = None
        self.is_last = is_last


def door(collector: Collector) -> type[HttpToolsProtocol]:
    """The protocol of a server that has a collector."""
    return type("Door", (_Door,), {"collector": collector})


class _Door(HttpToolsProtocol):
    """One connection. Answers go out in the order of their requests."""

    collector: Collector

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._found: Found | None = None
        self._is_ours = False
        self._body: list[bytes] = []
        self._size = 0
        self._answers: deque[_Answer] = deque()
        self._is_ending = False

    def on_headers_complete(self) -> None:
        """Know whose request it is."""
        self._found = None
        if not self._is_ending and (self.cycle is None or self.cycle.response_complete):
            path = self.url.partition(b"?")[0]
            self._found = self.collector.find(self.parser.get_method().decode(), path.decode("latin-1"))
        self._is_ours = self._found is not None or bool(self._answers) or self._is_ending
        if not self._is_ours:
            super().on_headers_complete()
        elif self._found is None:
            self._is_ending = True  # another request behind ours: it comes again on a connection of its own
        else:
            self._body, self._size = [], 0
            if self.expect_100_continue:
                self.transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Gather the body of ours."""
        if not self._is_ours:
            super().on_body(body)
            return
        self._size += len(body)
        if self._size <= MOST:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Take a request of ours."""
        if not self._is_ours:
            super().on_message_complete()
            return
        found, self._found = self._found, None
        if found is None:
            return
        answer = _Answer(is_last=not self.parser.should_keep_alive())
        self._answers.append(answer)
        if self._size > MOST:
            answer.reply = TOO_LARGE
            self._told()
            return
        path, _, query = self.url.decode("latin-1").partition("?")
        method, body = self.parser.get_method().decode(), b"".join(self._body)
        request = Request(method, path, query, kept(self.headers), body)
        self._body = []

        def reply(said: Reply) -> None:
            answer.reply = said
            self._told()

        self.collector.hear(found, request, self.client[0] if self.client else "", reply)

    def _told(self) -> None:
        """Send what can be sent, in order."""
        while self._answers and (said := self._answers[0].reply) is not None:
            answer = self._answers.popleft()
            if self.transport.is_closing():
                continue
            self.server_state.total_requests += 1
            self.transport.write(said.wire)
            if answer.is_last:
                self.transport.close()
        if self._answers or self.transport.is_closing():
            return
        if self._is_ending:
            self.transport.close()
            return
        self._unset_keepalive_if_required()
        wait = self.timeout_keep_alive
        self.timeout_keep_alive_task = self.loop.call_later(wait, self.timeout_keep_alive_handler)

    def shutdown(self) -> None:
        """What waits for its answer gets it; then the connection is closed."""
        if self._answers:
            self._is_ending = True
        else:
            super().shutdown()
