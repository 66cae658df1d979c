"""A server at work: two processes, command lines beside it, messages that fall due, a clean end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiosmtpd.controller import Controller

from limner.app.keeping import LONGEST, Watch, keep, look
from limner.app.workspace import Workspace
from limner.core.errors import Broken, Busy, words
from mail_server import free_port
from small_shop import built_shop

GONE = words("example_gone", "File {path} is gone. Put it back and run again.")


class Server:
    """`limner serve` in a process of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        command = [sys.executable, "-m", "limner.edge.cli", "serve", "-w", str(folder), "--port", "0"]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environ}, start_new_session=True
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        waited(lambda: any("http://" in line for line in self.lines))
        self.url = next(line for line in self.lines if "http://" in line).split("http://")[1].split()[0].rstrip(".")
        self.client = httpx2.Client(base_url=f"http://{self.url}", timeout=60)
        waited(self.answers)

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.lines.append(line)

    def answers(self) -> bool:
        try:
            return bool(self.client.get("/health").status_code == 200)
        except httpx2.TransportError:
            return False

    def keepers(self) -> list[int]:
        """The processes that keep for this server."""
        found = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        ).stdout
        return [int(line.split()[0]) for line in found.splitlines() if "limner.edge.keeper" in line]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(60)
        self._reader.join(10)
        return code


def priority(process: int) -> int:
    """The niceness of a process."""
    return os.getpriority(os.PRIO_PROCESS, process)


def waited(is_so: Callable[[], bool], seconds: float = 90, told: object = "") -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, told
        time.sleep(0.1)


@contextmanager
def serving(folder: Path, **environ: str) -> Iterator[Server]:
    server = Server(folder, **environ)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()


def limner(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command line, in a process of its own."""
    command = [sys.executable, "-m", "limner.edge.cli", *arguments, "-w", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(done.stdout))


@pytest.mark.timeout(600)
def test_a_server_and_command_lines_on_one_workspace(tmp_path: Path) -> None:
    folder = built_shop(tmp_path / "shop")
    with serving(folder) as server:
        waited(lambda: priority(server.keepers()[0]) > priority(server.process.pid))
        asked = {"rule": "orders >= 2"}
        assert server.client.post("/audiences/count", json=asked).json()["count"] == 30
        with ThreadPoolExecutor(6) as pool:  # a writer, and readers through both doors, all at once
            built = pool.submit(limner, folder, "run", "--asof", "2026-08-01", "--json")
            counts = [pool.submit(limner, folder, "audience", "count", "orders >= 2", "--json") for _ in range(2)]
            over_http = [pool.submit(server.client.post, "/audiences/count", json=asked) for _ in range(20)]
        assert built.result().returncode == 0, built.result().stderr
        assert {reply.result().status_code for reply in over_http} == {200}
        for done in counts:
            assert done.result().returncode == 0, done.result().stderr
            assert document(done.result())["count"] > 0
        second = limner(folder, "serve", "--port", "0")
        assert second.returncode == 1
        assert f"process {server.process.pid}" in second.stderr
        assert server.end() == 0
    assert server.keepers() == []
    assert not [line for line in server.lines if "Traceback" in line or "locked" in line]


@pytest.mark.timeout(600)
def test_a_server_takes_in_what_comes_into_a_watched_folder(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert limner_made(folder)
    with serving(folder) as server:
        (folder / "in" / "b.csv").write_text("m,when\nA3,2026-08-01\n")
        (folder / "in" / "a.csv").write_text("m,t\nA1,2026-08-01\nA2,2026-08-02\n")
        waited(lambda: any("2 rows" in line for line in server.lines), told=server.lines)
        assert any("no column 't'" in line for line in server.lines)
        assert server.end() == 0
    states = {load["file"]: load["state"] for load in json.loads(limner(folder, "loads", "--json").stdout)}
    assert states == {"a.csv": "done", "b.csv": "failed"}


def limner_made(folder: Path) -> bool:
    """A workspace with a watched folder."""
    made = subprocess.run(
        [sys.executable, "-m", "limner.edge.cli", "init", str(folder)], capture_output=True, check=False
    )
    (folder / "sources").mkdir()
    (folder / "in").mkdir()
    settings = folder / "limner.toml"
    settings.write_text(settings.read_text().replace('locale = "zh"', 'locale = "en"'))
    (folder / "sources" / "till.yaml").write_text(
        "files: [in]\nwatch: true\nevery: 1s\nsettle: 1s\nidentifiers: {member_no: m}\n"
        "events: [{name: {constant: Page Viewed}, happened_at: t}]\n"
    )
    return made.returncode == 0 and limner(folder, "apply").returncode == 0


@contextmanager
def holding(folder: Path, role: str) -> Iterator[int]:
    """Another process that holds a role of the workspace; its number. It is killed at the end, and frees nothing."""
    held = (
        "import sys, limner\n"
        "shop = limner.open(sys.argv[1])\n"
        "with shop.stores.ledger.lease(sys.argv[2], shop.clock(), 'run'):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", held, str(folder), role]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "held\n"
            yield writer.pid
        finally:
            writer.kill()


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    folder = built_shop(tmp_path / "shop")
    with holding(folder, "keeper") as writer:
        for verb in (["run"], ["plan", "autumn"]):
            done = limner(folder, *verb, "--wait", "0", "--json")
            assert done.returncode == 1
            error = document(done)["error"]
            assert error["code"] == "lease_held"
            assert f"process {writer}" in error["message"]
        assert document(limner(folder, "audience", "count", "orders >= 2", "--json"))["count"] == 30
    assert limner(folder, "run", "--asof", "2026-08-01").returncode == 0  # a dead process holds nothing


def test_a_launch_beside_a_delivery_queues_what_it_grants(tmp_path: Path) -> None:
    folder = built_shop(tmp_path / "shop")
    with Workspace(folder) as shop, holding(folder, "deliver"):
        plan = shop.plan("autumn")
        done = plan.launch()
    assert (done.reserved, done.handed_over, done.waiting) == (plan.granted, 0, plan.granted)


class Inbox:
    """Keeps the Message-ID of every letter."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.keys.append(str(message_from_bytes(envelope.content)["Message-ID"]))
        return "250 OK"


@pytest.mark.timeout(600)
def test_the_keeper_hands_over_when_it_can_and_is_started_again(tmp_path: Path) -> None:
    folder, port, inbox = built_shop(tmp_path / "shop"), free_port(), Inbox()
    channel = folder / "channels" / "mail.yaml"
    channel.write_text(channel.read_text(encoding="utf-8").replace("port: 2", f"port: {port}"), encoding="utf-8")
    with serving(folder) as server:
        with Workspace(folder) as shop:
            shop.apply()
            plan = shop.plan("autumn")
            with suppress(Broken):  # nobody listens yet; or the keeper was quicker, and has the error
                plan.launch()
        waited(lambda: any("127.0.0.1" in line and "queued" in line for line in server.lines))
        (first,) = server.keepers()
        os.kill(first, signal.SIGKILL)
        waited(lambda: server.keepers() not in ([], [first]))
        mail = Controller(inbox, hostname="127.0.0.1", port=port)
        mail.start()
        try:
            waited(lambda: len(inbox.keys) >= plan.granted, told=server.lines)
            assert server.end(signal.SIGINT) == 0
        finally:
            mail.stop(no_assert=True)
    assert len(set(inbox.keys)) == len(inbox.keys) == plan.granted
    assert any("keeper ended" in line for line in server.lines)
    assert any("handed over" in line for line in server.lines)


def test_the_keeper_ends_with_its_front(tmp_path: Path) -> None:
    with serving(built_shop(tmp_path / "shop")) as server:
        (keeper,) = server.keepers()
        server.process.kill()
        server.process.wait()
        waited(lambda: not Path(f"/proc/{keeper}").exists(), 30)


def test_another_address_needs_a_token(tmp_path: Path) -> None:
    folder = built_shop(tmp_path / "shop", 5)
    done = limner(folder, "serve", "--port", "0", "--host", "0.0.0.0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "LIMNER_TOKEN" in done.stderr
    with serving(folder, LIMNER_TOKEN="a-long-enough-secret") as server:
        assert server.client.get("/customers/member_no:M1").status_code == 401
        told = {"Authorization": "Bearer a-long-enough-secret"}
        assert server.client.get("/customers/member_no:M1", headers=told).status_code == 200


# ---------------------------------------------------------------------------------------------- one look


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace(built_shop(tmp_path_factory.mktemp("keeping") / "shop", 5)) as found:
        yield found


def test_errors_make_the_next_look_later_and_a_good_one_resets(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise Broken(GONE, path="mail")

    news: list[object] = []
    watch = Watch()
    with monkeypatch.context() as patched:
        patched.setattr("limner.app.launching.send_due", down)
        waits = []
        for turn in range(10):
            watch = look(shop, watch, news.append, 100.0 * turn)
            waits.append(watch.wait)
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == LONGEST
    assert len(news) == 10
    assert look(shop, watch, news.append, 5000.0) == Watch(5000.0)


def test_it_stops_when_told(shop: Workspace) -> None:
    looks: list[float] = []
    keep(shop, lambda _: None, is_over=lambda: len(looks) >= 3, sleep=looks.append, clock=lambda: 0.0)
    assert looks == [1.0, 1.0, 1.0]


def test_another_delivery_is_no_error(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise Busy(GONE, path="x")

    monkeypatch.setattr("limner.app.launching.send_due", busy)
    news: list[object] = []
    assert look(shop, Watch(), news.append, 1.0) == Watch()
    assert news == []
