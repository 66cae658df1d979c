"""The browser's client of Segment, unmodified, in a page of a real browser."""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from live_server import KEY, LiveServer, asked
from stories.test_clients import SCRIPTS, node_clients

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)


class Page(http.server.SimpleHTTPRequestHandler):
    """The page, and the client as it was installed."""

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0]
        if name.startswith("/client/"):
            return f"{node_clients()}/node_modules/@segment/analytics-next/dist/umd/{name.removeprefix('/client/')}"
        return str(SCRIPTS / Path(name).name)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.skipif(not BROWSER, reason="no Chromium here: the browser's client is not tried")
def test_the_browsers_client(tmp_path: Path) -> None:
    node_clients()
    server = LiveServer(tmp_path / "shop")
    server.start()
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page))
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        page = f"http://127.0.0.1:{site.server_port}/segment_browser.html#{server.url}|{KEY}"
        command = [
            BROWSER,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'browser'}",
        ]
        done = subprocess.run(
            [*command, "--virtual-time-budget=60000", "--dump-dom", page],
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        title = re.search(r"<title>(done )?([^<]*)</title>", done.stdout)
        assert title is not None
        assert title[1], done.stdout[-500:] + done.stderr[-2000:]
    finally:
        site.shutdown()
        server.stop()
    with server.drained() as shop:
        events = asked(shop, "SELECT extra, via FROM events WHERE name = 'Wheel Spun'")
        assert sorted(json.loads(str(row["extra"]))["turn"] for row in events) == list(range(40))
        assert {row["via"] for row in events} == {"web"}
        assert len(asked(shop, "SELECT 1 FROM events WHERE name = 'Page Viewed'")) == 1
        kinds = {row["kind"] for row in asked(shop, "SELECT DISTINCT kind FROM identifiers")}
        assert kinds == {"user_id", "cookie", "phone"}
        assert {row["name"] for row in asked(shop, "SELECT DISTINCT name FROM traits")} == {"name", "age", "vip"}
