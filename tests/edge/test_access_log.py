"""A server with its access log on, asked for persons by their addresses: no log and no file holds one."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from edge.test_serving import waited
from limner.edge.masking import Masking
from small_shop import built_shop

PHONE, MAIL = "13800000013", "m13@example.com"
STRANGER, NOBODY = "13955556666", "no.body@planted.example.com"
SPOKEN = (PHONE, MAIL, STRANGER, NOBODY, quote(MAIL), quote(NOBODY), "139-5555-6666")


def asked(url: str, body: bytes | None = None) -> int:
    """The status of an answer."""
    try:
        with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.timeout(300)
def test_no_line_of_a_log_holds_an_address(tmp_path: Path) -> None:
    folder = built_shop(tmp_path / "shop")
    command = [sys.executable, "-m", "limner.edge.cli", "serve", "-w", str(folder), "--port", "0", "--access-log"]
    server = subprocess.Popen(
        command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(server.stdout or ()), daemon=True)
    reader.start()
    try:
        waited(lambda: any("http://" in line for line in lines))
        url = "http://" + next(line for line in lines if "http://" in line).split("http://")[1].split()[0].rstrip(".")
        assert asked(f"{url}/customers/phone:{PHONE}") == 200
        assert asked(f"{url}/customers/phone%3A{PHONE}?asof=2026-09-01") == 200
        assert asked(f"{url}/customers/email:{quote(MAIL)}") == 200
        assert asked(f"{url}/customers/phone:{PHONE}/consents") == 200
        assert asked(f"{url}/customers/phone:{STRANGER}") == 404
        assert asked(f"{url}/customers/phone:139-5555-6666") == 404
        assert asked(f"{url}/customers/{quote(quote(NOBODY))}?who={NOBODY}&tel={STRANGER}") >= 400
        assert asked(f"{url}/nowhere/{STRANGER}/{quote(NOBODY)}") == 404
        assert asked(f"{url}/audiences/count", b'{"rule": "phone == \'13955556666\'"}') == 422
        assert asked(f"{url}/audiences/count", b'{"rule": {"13955556666": "no.body@planted.example.com"}}') >= 400
    finally:
        server.terminate()
        server.wait(60)
        reader.join(10)
    log = "".join(lines)
    assert log.count("GET /customers/") >= 7, log
    assert "138****13" in log
    assert [spoken for spoken in SPOKEN if spoken in log] == []
    text = [path for path in folder.rglob("*.log") if path.is_file()]
    assert [path for path in text for spoken in SPOKEN if spoken in path.read_text("utf-8", "replace")] == []


def test_a_traceback_is_masked_too() -> None:
    try:
        raise KeyError(f"phone:{STRANGER} of {NOBODY}")
    except KeyError:
        record = logging.LogRecord(
            "uvicorn.error", 40, __file__, 1, "Exception\n  at %s", (f"/x/{quote(NOBODY)}",), sys.exc_info()
        )
    assert Masking().filter(record)
    said = logging.Formatter("%(message)s").format(record)
    assert "KeyError" in said
    assert "\n  " in said
    assert [spoken for spoken in SPOKEN if spoken in said] == []
