"""Faults of live intake: two servers on one workspace, and a disk that fills while clients send."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from live_server import KEY, LiveServer, asked
from stories.test_full_disk import fill

SIZE = 96 << 20


def send(url: str, *turns: int, size: int = 0) -> int:
    """One request of our own JSON; the status of its answer."""
    batch = [
        {
            "name": "Wheel Spun",
            "id": f"m{turn}",
            "user": f"u{turn % 7}",
            "properties": {"turn": turn, "pad": "x" * size},
        }
        for turn in turns
    ]
    request = Request(f"{url}/collect", json.dumps(batch).encode(), {"Authorization": f"Bearer {KEY}"})
    try:
        with urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return int(error.code)


def turns_in(server: LiveServer) -> list[int]:
    """What came in, once everything that was acknowledged is in the lake."""
    with server.drained() as shop:
        rows = asked(shop, "SELECT json_extract_string(extra, '$.turn') AS turn FROM events WHERE name = 'Wheel Spun'")
        return sorted(int(str(row["turn"])) for row in rows)


def test_two_servers_on_one_workspace(tmp_path: Path) -> None:
    """A server and a collector take events side by side; the server is killed, and nothing is lost or doubled."""
    one = LiveServer(tmp_path / "shop")
    two = one.beside("--only", "collector")
    try:
        one.start()
        two.start()
        for turn in range(0, 300, 3):
            assert send(one.url, turn, turn + 1) == 200
            assert send(two.url, turn + 1, turn + 2) == 200  # one message of each is sent to both
            if turn == 150:
                one.kill()
                assert send(two.url, turn) == 200  # the other goes on
                one.start()
    finally:
        one.stop()
        two.stop()
    assert turns_in(one) == list(range(300))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if subprocess.run(made, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_disk_that_fills_while_clients_send(disk: Path) -> None:
    """What cannot be kept is answered 503 and sent again by its client; what was acknowledged is there, once."""
    server = LiveServer(disk / "shop", env={"LIMNER_LIMITS_DISK_FREE": "0", "LIMNER_LIMITS_MEMORY": "256"})
    server.start()
    taken: list[int] = []
    refused = 0
    filler: Path | None = None
    try:
        for turn in range(400):
            if turn == 100:
                filler = fill(disk, 200_000)
            status = send(server.url, turn, size=20_000)
            assert status in (200, 429, 503), status
            if status == 200:
                taken.append(turn)
            else:
                refused += 1
            if refused > 3 and filler is not None:
                filler.unlink()
                filler = None
        assert refused > 3
        assert send(server.url, 1000) == 200  # it goes on by itself
        taken.append(1000)
    finally:
        if filler is not None:
            filler.unlink(missing_ok=True)
        server.stop()
    assert turns_in(server) == taken
