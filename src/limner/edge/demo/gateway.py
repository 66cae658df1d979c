"""The gateways of the demo: a small real HTTP server that takes the batches the channels send, and keeps them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Gateway:
    """Takes messages on /sms, /wecom and /mini until it is closed. `clock` says when they came.

    A message whose key has come before is taken and not kept again, as an honouring provider does.
    """

    clock: Any
    messages: list[dict[str, Any]] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, channel: str, batch: Mapping[str, Any]) -> None:
        """Keep the messages of a batch."""
        now: datetime = self.clock()
        with self._lock:
            for message in batch["messages"]:
                if message["key"] not in self._keys:
                    self._keys.add(message["key"])
                    self.messages.append({**message, "channel": channel, "handed_over_at": now})

    def taken(self) -> list[dict[str, Any]]:
        """The messages since the last question."""
        with self._lock:
            found, self.messages = self.messages, []
        return found

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _answering(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            gateway.take(self.path.strip("/"), json.loads(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Answer
