"""The webhook against a real HTTP server."""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from limner.core.errors import Broken
from limner.flow.channels.base import Handed, Message, Post, Rendered
from limner.flow.channels.webhook import Webhook, WebhookOptions

NOW = datetime(2026, 9, 1, tzinfo=UTC)
Reply = tuple[int, dict[str, str], bytes]


class Gateway:
    """What was asked, and what is answered."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[dict[str, Any]], Reply] = lambda batch: (200, {}, b"")
        self.port = 0

    def keys(self) -> list[str]:
        """The keys of all messages that arrived."""
        return [message["key"] for _, body in self.asked for message in json.loads(body)["messages"]]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()

    class Desk(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.asked.append((dict(self.headers), body))
            code, headers, answer = made.answer(json.loads(body))
            if code == 0:
                self.connection.close()
                return
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


def _messages(count: int) -> list[Message]:
    return [Message(f"k{n}", f"1380013800{n}", Rendered("【南枝】您好"), campaign="autumn") for n in range(count)]


def _send(port: int, batch: Sequence[Message], secrets: dict[str, str] | None = None, **more: Any) -> dict[str, Handed]:
    options = WebhookOptions(url=f"http://127.0.0.1:{port}/sms", **{"timeout": 5.0, **more})
    kind = Webhook(options, Post("sms", Path(), lambda: NOW, secrets or {}))

    async def story() -> Sequence[Handed]:
        await kind.open()
        try:
            return await kind.deliver(batch)
        finally:
            await kind.close()

    return {answer.key: answer for answer in asyncio.run(story())}


def _answers(said: dict[str, Handed]) -> list[str]:
    return [said[key].answer for key in sorted(said)]


def test_a_batch_is_one_signed_request_with_a_key(gateway: Gateway) -> None:
    said = _send(gateway.port, _messages(3), {"signing": "s3cret", "bearer": "token"}, headers={"X-App": "limner"})
    assert _answers(said) == ["taken"] * 3
    headers, body = gateway.asked[0]
    assert json.loads(body) == {
        "channel": "sms",
        "messages": [
            {"key": f"k{n}", "to": f"1380013800{n}", "campaign": "autumn", "offer": "", "text": "【南枝】您好"}
            for n in range(3)
        ],
    }
    moment, mac = (part.split("=")[1] for part in headers["Limner-Signature"].split(","))
    assert int(moment) == int(NOW.timestamp())
    assert hmac.compare_digest(mac, hmac.new(b"s3cret", f"{moment}.".encode() + body, "sha256").hexdigest())
    assert (headers["Authorization"], headers["X-App"]) == ("Bearer token", "limner")
    _send(gateway.port, _messages(3))
    _send(gateway.port, _messages(2))
    again = [h["Idempotency-Key"] for h, _ in gateway.asked]
    assert again[0] == again[1] != again[2]


def test_each_message_is_answered_for(gateway: Gateway) -> None:
    results = [
        {"key": "k0", "status": "taken"},
        {"key": "k1", "status": "rejected", "words": "13800138001 is blocked"},
        {"key": "k2", "status": "later"},
        {"key": "k9", "status": "taken"},
    ]
    gateway.answer = lambda batch: (200, {}, json.dumps({"results": results}).encode())
    said = _send(gateway.port, _messages(4))
    assert _answers(said) == ["taken", "rejected", "later", "unknown"]
    assert said["k1"].words == "… is blocked"


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503])
def test_a_busy_gateway_is_asked_again_later(gateway: Gateway, code: int) -> None:
    gateway.answer = lambda batch: (code, {"Retry-After": "120"}, b"")
    said = _send(gateway.port, _messages(2))
    assert _answers(said) == ["later", "later"]
    assert said["k0"].retry_after == timedelta(minutes=2)
    gateway.answer = lambda batch: (code, {"Retry-After": "Tue, 01 Sep 2026 00:05:00 GMT"}, b"")
    assert _send(gateway.port, _messages(1))["k0"].retry_after == timedelta(minutes=5)
    gateway.answer = lambda batch: (code, {"Retry-After": "soon"}, b"")
    assert _send(gateway.port, _messages(1))["k0"].retry_after is None


def test_one_bad_message_spoils_only_itself(gateway: Gateway) -> None:
    def picky(batch: dict[str, Any]) -> Reply:
        return (422, {}, b"") if any(m["key"] == "k5" for m in batch["messages"]) else (200, {}, b"")

    gateway.answer = picky
    said = _send(gateway.port, _messages(9))
    assert [key for key, answer in said.items() if answer.answer == "rejected"] == ["k5"]
    assert sum(answer.answer == "taken" for answer in said.values()) == 8


@pytest.mark.parametrize("code", [301, 401, 403, 404, 405])
def test_a_wrong_key_or_address_rejects_no_customer(gateway: Gateway, code: int) -> None:
    gateway.answer = lambda batch: (code, {"Location": "http://127.0.0.1:1/"}, b"")
    with pytest.raises(Broken, match=f"answers {code}"):
        _send(gateway.port, _messages(2), {"bearer": "hidden"})


def test_a_connection_that_ends_without_an_answer_leaves_the_batch_unknown(gateway: Gateway) -> None:
    gateway.answer = lambda batch: (0, {}, b"")
    assert _answers(_send(gateway.port, _messages(2))) == ["unknown", "unknown"]


def test_an_answer_that_takes_too_long_leaves_the_batch_unknown(gateway: Gateway) -> None:
    held = threading.Event()

    def slow(batch: dict[str, Any]) -> Reply:
        held.wait(3)
        return 200, {}, b""

    gateway.answer = slow
    assert _answers(_send(gateway.port, _messages(2), timeout=0.3)) == ["unknown", "unknown"]
    held.set()


def test_a_gateway_that_is_down_is_broken(gateway: Gateway) -> None:
    with pytest.raises(Broken, match=r"http://127\.0\.0\.1:9/sms cannot be reached"):
        _send(9, _messages(2))
