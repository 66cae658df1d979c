"""A running `limner serve` for tests: started, killed without a word, started again on the same port."""

from __future__ import annotations

import copy
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import sqlglot

from limner.app.intake import key_make
from limner.app.opening import make
from limner.app.workspace import Workspace

KEY = "client-write-key"


class LiveServer:
    """A workspace with one live source, and the server over it."""

    def __init__(
        self, folder: Path, source: str = "id: clients\nlive: {}\n", env: dict[str, str] | None = None
    ) -> None:
        self.folder = make(folder, locale="en")
        self.env = {**os.environ, **(env or {})}
        (folder / "sources").mkdir()
        (folder / "sources" / "clients.yaml").write_text(source, encoding="utf-8")
        with Workspace(folder) as shop:
            shop.apply()
            key_make(shop, "clients", key=KEY)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None
        self.options: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def beside(self, *options: str) -> LiveServer:
        """Another server over the same workspace, with a port of its own and these options of `limner serve`."""
        other = copy.copy(self)
        other.process, other.options = None, options
        with socket.create_server(("127.0.0.1", 0)) as free:
            other.port = free.getsockname()[1]
        return other

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "limner.edge.cli", "serve", "-w", str(self.folder), "--port", str(self.port)]
        command += self.options
        log = (self.folder / "serve.log").open("ab")
        self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log, start_new_session=True)
        for _ in range(600):
            if self.process.poll() is not None:
                raise AssertionError((self.folder / "serve.log").read_text(encoding="utf-8"))
            try:
                with urlopen(f"{self.url}/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """Kill the front as the system does when it has no memory left; its keeper ends by itself."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Tell it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def drained(self) -> Workspace:
        """The workspace, once everything that was acknowledged is in the lake."""
        self.stop()
        shop = Workspace(self.folder)
        for _ in range(100):
            try:
                shop.drain()
                return shop
            except RuntimeError:  # the keeper of a killed front is just ending
                time.sleep(0.2)
        raise AssertionError("the keeper does not let go")


def asked(shop: Workspace, sql: str) -> list[dict[str, object]]:
    """Rows of the lake."""
    found: list[dict[str, object]] = shop.stores.lake.table(sqlglot.parse_one(sql, dialect="duckdb")).to_pylist()
    return found
