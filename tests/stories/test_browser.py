"""The browser's client of Segment, unmodified, in a page of a real browser."""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from limner.app.workspace import Workspace
from live_server import KEY, LiveServer, asked
from stories.test_clients import SCRIPTS, node_clients

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)


NEEDS = pytest.mark.skipif(not BROWSER, reason="no Chromium here: the browser's client is not tried")


class Page(http.server.SimpleHTTPRequestHandler):
    """The page, and the client as it was installed."""

    turns: ClassVar[list[int]] = []
    """The turns the page says it has taken."""

    def translate_path(self, path: str) -> str:
        if path.startswith("/turn/"):
            self.turns.append(int(path.removeprefix("/turn/")))
        name = path.partition("?")[0]
        if name.startswith("/client/"):
            return f"{node_clients()}/node_modules/@segment/analytics-next/dist/umd/{name.removeprefix('/client/')}"
        return str(SCRIPTS / Path(name).name)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def site() -> Iterator[int]:
    """The page, served; its port."""
    Page.turns.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


def browser(folder: Path, *more: str) -> list[str]:
    """The browser's command line."""
    return [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}", *more]


def heard(server: LiveServer) -> list[int]:
    """The turns that have come in, by the server's own answer."""
    with server.drained() as shop:
        events = asked(shop, "SELECT extra, via FROM events WHERE name = 'Wheel Spun'")
        assert {row["via"] for row in events} == {"web"}
        assert len(asked(shop, "SELECT 1 FROM events WHERE name = 'Page Viewed'")) == 1
        kinds = {row["kind"] for row in asked(shop, "SELECT DISTINCT kind FROM identifiers")}
        assert kinds == {"user_id", "cookie", "phone"}
        assert {row["name"] for row in asked(shop, "SELECT DISTINCT name FROM traits")} == {"name", "age", "vip"}
        return sorted(json.loads(str(row["extra"]))["turn"] for row in events)


@NEEDS
def test_the_browsers_client(tmp_path: Path) -> None:
    node_clients()
    server = LiveServer(tmp_path / "shop")
    server.start()
    try:
        with site() as port:
            page = f"http://127.0.0.1:{port}/segment_browser.html#{server.url}|{KEY}"
            command = browser(tmp_path, "--virtual-time-budget=60000", "--dump-dom", page)
            done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
        title = re.search(r"<title>(done )?([^<]*)</title>", done.stdout)
        assert title is not None
        assert title[1], done.stdout[-500:] + done.stderr[-2000:]
    finally:
        server.stop()
    assert heard(server) == list(range(40))


@NEEDS
def test_a_server_killed_under_the_browsers_client(tmp_path: Path) -> None:
    """The page goes on while nobody answers; what it could not deliver it tries again by itself."""
    node_clients()
    server = LiveServer(tmp_path / "shop")
    server.start()
    try:
        with site() as port:
            page = f"http://127.0.0.1:{port}/segment_browser.html#{server.url}|{KEY}|150"
            log = (tmp_path / "browser.log").open("ab")
            shown = subprocess.Popen(browser(tmp_path, "--remote-debugging-port=0", page), stdout=log, stderr=log)
            try:
                until(lambda: 8 in Page.turns)
                server.kill()
                until(lambda: 20 in Page.turns)
                server.start()
                until(lambda: 39 in Page.turns)
                until(lambda: in_lake(server) >= 41, seconds=120)
            finally:
                shown.terminate()
                shown.wait(30)
    finally:
        server.stop()
    assert heard(server) == list(range(40))


def in_lake(server: LiveServer) -> int:
    """How many events the running server has brought in: the turns and the page itself."""
    with Workspace(server.folder) as shop:
        return len(asked(shop, "SELECT 1 FROM events"))


def until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not within {seconds} seconds; the page has taken {sorted(Page.turns)}"
        time.sleep(0.2)
