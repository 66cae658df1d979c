"""What live intake costs: single events and batches over HTTP, durable, beside an endpoint that does nothing.

Load is open: a request has its moment, and its latency counts from there whether the server is ready for it or not. The
server runs as `limner serve` does, with its keeper; the load comes from this process. Shown are the rate reached, the
latency at a fixed rate, and the server's memory.

    python bench/intake.py [--seconds 10] [--rate 8000] [--batch-rate 500] [--events 10000000] [--stream kafka://…|mock]

With `--stream` the server only collects, into that topic; `mock` is librdkafka's own cluster, which keeps everything in
memory: it tells what the collector costs, not what brokers do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvloop

from limner.app.opening import make
from limner.app.workspace import Workspace

KEY = "bench-write-key"
NOOP = """
import sys, uvicorn
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", b"38")]})
    await send({"type": "http.response.body", "body": b'{"success":true,"status":1,"code":0}  '})
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning", access_log=False, lifespan="off", backlog=4096)
"""


def body(events: int, turn: int) -> bytes:
    """A request as a client sends it: `events` events of about 350 bytes."""
    batch = [
        {
            "type": "track",
            "event": "Product Viewed",
            "messageId": f"m-{turn}-{place}",
            "userId": f"u{(turn * 7919 + place) % 200_000}",
            "anonymousId": f"a{(turn * 7919 + place) % 200_000}",
            "timestamp": "2026-11-22T10:00:00.000Z",
            "context": {"library": {"name": "bench", "version": "1"}},
            "properties": {
                "product_id": f"P{place % 500}",
                "price": 12.5,
                "category": "女装/连衣裙",
                "position": place,
            },
        }
        for place in range(events)
    ]
    return json.dumps({"batch": batch, "sentAt": "2026-11-22T10:00:00.500Z"}).encode()


def request(port: int, content: bytes) -> bytes:
    """A whole HTTP request."""
    head = f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic {basic()}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def basic() -> str:
    """The key as a client sends it."""
    import base64

    return base64.b64encode(f"{KEY}:".encode()).decode()


class Line(asyncio.Protocol):
    """One connection: sends a request, hears the answer, is free again."""

    def __init__(self, load: Load) -> None:
        self.load, self.text = load, b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, content: bytes, due: float) -> None:
        self.due = due
        self.transport.write(content)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.text += data
        end = self.text.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self.text.lower().find(b"content-length:")
        length = int(self.text[at + 15 : self.text.index(b"\r\n", at)])
        if len(self.text) < end + 4 + length:
            return
        self.load.heard(self, self.text[9:12] == b"200")
        self.text = b""

    def connection_lost(self, _error: Exception | None) -> None:
        self.load.failed += 1


class Load:
    """An open load: a request every 1/rate seconds, on whatever connection is free."""

    def __init__(self, port: int, requests: list[bytes], rate: float, seconds: float, lines: int) -> None:
        self.port, self.requests, self.rate, self.seconds, self.lines = port, requests, rate, seconds, lines
        self.free: deque[Line] = deque()
        self.waiting: deque[tuple[bytes, float]] = deque()
        self.took: list[float] = []
        self.failed = 0
        self.sent = 0

    def heard(self, line: Line, is_good: bool) -> None:
        self.took.append(time.perf_counter() - line.due)
        self.failed += not is_good
        if self.waiting:
            line.send(*self.waiting.popleft())
        else:
            self.free.append(line)

    async def run(self) -> tuple[float, np.ndarray]:
        loop = asyncio.get_running_loop()
        for _ in range(self.lines):
            _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", self.port)
            self.free.append(line)  # type: ignore[arg-type]
        begun, total = time.perf_counter(), int(self.rate * self.seconds)
        while self.sent < total:
            now = time.perf_counter()
            for turn in range(self.sent, min(total, int((now - begun) * self.rate) + 1)):
                due, content = begun + turn / self.rate, self.requests[turn % len(self.requests)]
                if self.free:
                    self.free.popleft().send(content, due)
                else:
                    self.waiting.append((content, due))
                self.sent = turn + 1
            await asyncio.sleep(0.0005)
        until = time.perf_counter() + 30
        while len(self.took) < total and time.perf_counter() < until:
            await asyncio.sleep(0.01)
        return time.perf_counter() - begun, np.asarray(self.took)


def measure(name: str, port: int, requests: list[bytes], rate: float, seconds: float, events: int, lines: int) -> float:
    """Run a load and print what came of it; requests a second."""
    load = Load(port, requests, rate, seconds, lines)
    took, latency = uvloop.run(load.run())
    reached = len(latency) / took
    p50, p99, p999 = np.percentile(latency * 1000, [50, 99, 99.9]) if len(latency) else (0, 0, 0)
    print(
        f"{name:32} asked {rate:9,.0f}/s  reached {reached:9,.0f} requests/s  {reached * events:10,.0f} events/s  "
        f"p50 {p50:7.1f} ms  p99 {p99:7.1f} ms  p99.9 {p999:7.1f} ms  failed {load.failed}",
        flush=True,
    )
    return reached


def busy(pid: int) -> float:
    """Seconds of a core a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def closed(
    name: str, pid: int, port: int, requests: list[bytes], seconds: float, events: int, lines: int = 64
) -> float:
    """The most that goes through when every connection asks again at once; its latency says nothing."""
    load = Load(port, requests, 1, 0, lines)
    load.waiting.extend((requests[turn % len(requests)], 0.0) for turn in range(2_000_000))

    async def run() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        begun, used = time.perf_counter(), busy(pid)
        for _ in range(lines):
            _, line = await loop.create_connection(lambda: Line(load), "127.0.0.1", port)
            line.send(*load.waiting.popleft())  # type: ignore[attr-defined]
        await asyncio.sleep(seconds)
        spent = busy(pid) - used
        return len(load.took) / (time.perf_counter() - begun), spent / max(1, len(load.took))

    reached, spent = uvloop.run(run())
    print(
        f"{name:32} at most {reached:9,.0f} requests/s  {reached * events:10,.0f} events/s  "
        f"{spent * 1e6:6.0f} µs of a core each",
        flush=True,
    )
    return reached


def memory(pid: int) -> int:
    """MiB a process and its children hold."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    pids = [pid, *map(int, children.split())]
    total = 0
    for one in pids:
        try:
            text = Path(f"/proc/{one}/status").read_text()
        except FileNotFoundError:
            continue
        total += int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1])
    return total >> 10


def ready(port: int) -> None:
    """Wait until somebody listens."""
    import socket

    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("nothing listens")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=8000)
    parser.add_argument("--batch-rate", type=float, default=500)
    parser.add_argument("--events", type=int, default=0, help="then send so many events in batches, and watch memory")
    parser.add_argument("--port", type=int, default=8907)
    parser.add_argument("--stream", default="", help="the topic to write to, or mock")
    given = parser.parse_args()
    with topic(given.stream) as url:
        run(given, {**os.environ, "LIMNER_STORES_STREAM": url} if url else dict(os.environ))


@contextmanager
def topic(stream: str) -> Iterator[str]:
    """The URL of the topic while the block runs; empty where none was asked for."""
    if stream != "mock":
        yield stream
        return
    brokers = Path(__file__).parent.parent / "tests" / "brokers.py"
    process = subprocess.Popen(
        [sys.executable, str(brokers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.communicate("\n")


def run(given: argparse.Namespace, environ: dict[str, str]) -> None:
    """Measure the endpoint that does nothing, then ours."""
    singles = [request(given.port, body(1, turn)) for turn in range(20_000)]
    with tempfile.TemporaryDirectory() as folder:
        shop = make(Path(folder) / "shop")
        (shop / "sources").mkdir()
        (shop / "sources" / "web.yaml").write_text("id: web\nlive: {}\n")
        from limner.app.intake import key_make

        with Workspace(shop) as opened:
            opened.apply()
            key_make(opened, "web", key=KEY)
        command = [sys.executable, "-c", NOOP, str(given.port)]
        noop = subprocess.Popen(command)
        try:
            ready(given.port)
            nothing = closed("no-op endpoint", noop.pid, given.port, singles, given.seconds / 2, 1)
        finally:
            noop.terminate()
            noop.wait()
        command = [sys.executable, "-m", "limner.edge.cli", "serve", "-w", str(shop), "--port", str(given.port)]
        server = subprocess.Popen(command + ["--only", "collector"] * bool(given.stream), env=environ)
        try:
            ready(given.port)
            ours = closed("single events", server.pid, given.port, singles, given.seconds / 2, 1)
            print(f"{'':32} {ours / nothing:.0%} of the no-op endpoint")
            measure("single events", given.port, singles, given.rate, given.seconds, 1, 256)
            batches = [request(given.port, body(100, turn)) for turn in range(500)]
            closed("batches of 100", server.pid, given.port, batches, given.seconds / 2, 100)
            measure("batches of 100", given.port, batches, given.batch_rate, given.seconds, 100, 64)
            print(f"memory of front and keeper: {memory(server.pid)} MiB")
            sent = 0
            while sent < given.events:
                fresh = [request(given.port, body(100, 1000 + sent // 100 + turn)) for turn in range(5_000)]
                measure(
                    f"{sent:,} to {sent + 500_000:,}",
                    given.port,
                    fresh,
                    given.batch_rate,
                    5_000 / given.batch_rate,
                    100,
                    64,
                )
                sent += 500_000
                print(f"memory of front and keeper: {memory(server.pid)} MiB")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
