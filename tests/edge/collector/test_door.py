"""The collector at the wire: whatever way a request is cut, joined or sent, it is answered once and in its order."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import time
import urllib.request

import pytest

from live_server import KEY, LiveServer, asked

HEAD = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    live = LiveServer(tmp_path_factory.mktemp("door") / "shop")
    live.start()
    yield live
    live.stop()


class Wire:
    """A connection, written to and read from as bytes."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 20)
        self.text = b""

    def send(self, *parts):
        for part in parts:
            self.socket.sendall(part if isinstance(part, bytes) else part.encode())

    def answer(self):
        """(status, body) of the next answer; None when the connection has ended."""
        while True:
            head, found, rest = self.text.partition(b"\r\n\r\n")
            if found:
                length = int(next(line for line in head.lower().split(b"\r\n") if b"content-length" in line).split()[1])
                if len(rest) >= length:
                    self.text = rest[length:]
                    return int(head.split()[1]), rest[:length]
            more = self.socket.recv(65536)
            if not more:
                return None
            self.text += more


def post(body, head=HEAD, path="/collect"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\n{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


def event(name):
    return {"name": name, "id": name, "user": "u1"}


HEALTH = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def test_one_connection_takes_all_kinds_of_requests(server):
    wire = Wire(server)
    wire.send(HEALTH)
    assert wire.answer()[0] == 200
    wire.send(post(event("one")))
    assert wire.answer() == (200, b'{"success":true,"status":1,"code":0}')
    wire.send(HEALTH)
    assert b"workspace" in wire.answer()[1]
    wire.send(post(event("x"), head="Host: 127.0.0.1\r\nAuthorization: Bearer nobody\r\n"))
    assert wire.answer()[0] == 401
    wire.send("OPTIONS /collect HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://shop.example\r\n\r\n")
    assert wire.answer()[0] == 204


def test_a_page_may_send_the_headers_it_asks_for(server):
    def allowed(asked):
        request = urllib.request.Request(
            f"{server.url}/collect", method="OPTIONS", headers={"Access-Control-Request-Headers": asked}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.headers["access-control-allow-headers"]

    assert allowed("authorization,x-retry-count") == "authorization,x-retry-count"
    assert "content-type" in allowed("no names at all; <script>")


def test_requests_one_behind_the_other_are_answered_in_order(server):
    wire = Wire(server)
    unknown = post(event("x"), head="Host: 127.0.0.1\r\nAuthorization: Bearer nobody\r\n")
    wire.send(post(event("p1")) + unknown + post(event("p2")) + unknown + post(event("p3")))
    assert [wire.answer()[0] for _ in range(5)] == [200, 401, 200, 401, 200]


def test_another_request_behind_ours_comes_again_on_its_own_connection(server):
    wire = Wire(server)
    wire.send(post(event("q1")) + HEALTH.encode() + post(event("q2")))
    assert wire.answer()[0] == 200
    assert wire.answer() is None


def test_requests_cut_anywhere(server):
    wire = Wire(server)
    raw = post(event("cut"))
    for turn in range(len(raw)):
        wire.send(raw[turn : turn + 1])
    assert wire.answer()[0] == 200


def test_chunks_packing_and_waiting_for_leave(server):
    wire = Wire(server)
    chunk = json.dumps(event("chunked")).encode()
    wire.send(
        f"POST /collect HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n{len(chunk):x}\r\n", chunk, "\r\n0\r\n\r\n"
    )
    assert wire.answer()[0] == 200
    wire.send(post(gzip.compress(json.dumps(event("packed")).encode())))
    assert wire.answer()[0] == 200
    body = json.dumps(event("asked")).encode()
    wire.send(f"POST /collect HTTP/1.1\r\n{HEAD}Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n")
    assert wire.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(body)
    assert wire.answer()[0] == 200


def test_what_is_too_large_is_refused(server):
    wire = Wire(server)
    wire.send(post(b"x" * (11 << 20)))
    assert wire.answer()[0] == 413
    bomb = Wire(server)
    bomb.send(post(gzip.compress(b"0" * (40 << 20))))
    assert bomb.answer()[0] == 413


def test_the_last_answer_ends_a_connection_that_asks_for_it(server):
    wire = Wire(server)
    wire.send(post(event("last"), head=HEAD + "Connection: close\r\n"))
    assert wire.answer()[0] == 200
    assert wire.answer() is None


def test_nonsense_is_told(server):
    wire = Wire(server)
    wire.send(b"\x00\x01nonsense\r\n\r\n")
    assert wire.answer() in (None, (400, b"Invalid HTTP request received."))


def test_everything_acknowledged_is_there_once(server):
    """Runs last in this file: what was answered 200 above stands in the lake."""
    with server.drained() as shop:
        names = [row["name"] for row in asked(shop, "SELECT name FROM events ORDER BY name")]
    assert names == ["asked", "chunked", "cut", "last", "one", "p1", "p2", "p3", "packed", "q1"]


@pytest.mark.slow
def test_nobody_is_left_when_the_front_is_killed_at_once(tmp_path):
    """The keeper and the watcher know their front by its number: one that is gone before they look is gone."""
    live = LiveServer(tmp_path / "shop")
    live.start()
    live.kill()
    beside = f"limner.edge.(keeper|watcher) {live.folder}"
    for _ in range(100):
        if subprocess.run(["pgrep", "-f", beside], capture_output=True, check=False).returncode:
            return
        time.sleep(0.2)
    raise AssertionError("a process beside the front goes on")
