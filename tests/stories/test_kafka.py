"""Several collectors over one topic and whoever drains it, while processes are killed and brokers come and go.

The events of the second story carry no id: nothing could tell a repeat from a second deed, so each must come in once by
the offsets alone.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from brokers import Brokers
from live_server import KEY, LiveServer, asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CLIENT = Path(__file__).parent.parent / "clients" / "segment_python.py"


@pytest.fixture
def brokers(monkeypatch):
    found = Brokers(partitions=4, count=2)
    monkeypatch.setenv("LIMNER_STORES_STREAM", found.url)
    yield found
    found.close()


def turns(shop, name="Wheel Spun"):
    return Counter(
        json.loads(str(row["extra"]))["turn"] for row in asked(shop, f"SELECT extra FROM events WHERE name = '{name}'")
    )


def test_a_client_through_a_killed_server_and_a_topic(tmp_path, brokers):
    server = LiveServer(tmp_path / "shop")
    server.start()
    command = [sys.executable, str(CLIENT), server.url, KEY]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if line.strip() == "half":
                break
        server.kill()
        process.stdin.write("go\n")
        process.stdin.flush()
        server.start()
        process.communicate(timeout=240)
        assert process.returncode == 0
    finally:
        process.kill()
        server.stop()
    with server.drained() as shop:
        assert turns(shop) == dict.fromkeys(range(40), 1)
        shop.run("2100-01-01")
        assert shop.audience("is_identified").count().identified == 1
        stated = asked(shop, "SELECT DISTINCT name, text, number FROM traits ORDER BY name")
        assert [(row["name"], row["text"] or row["number"]) for row in stated] == [
            ("age", 31.0),
            ("name", "王小明"),
            ("vip", 1.0),
        ]
        assert not list((tmp_path / "shop" / "state" / "stream").rglob("*.*"))
        assert shop.tail(limit=100)
        assert "13812349876" not in str(shop.tail(limit=100))


class Collector:
    """`limner serve --only collector` in a process of its own, with a spool of its own."""

    def __init__(self, folder, spool):
        self.folder, self.env = folder, {**os.environ, "LIMNER_STORES_SPOOL": spool}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        command = [
            sys.executable,
            "-m",
            "limner.edge.cli",
            "serve",
            "-w",
            str(self.folder),
            "--port",
            str(self.port),
            "--only",
            "collector",
        ]
        log = (self.folder / "collector.log").open("ab")
        self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        for _ in range(600):
            try:
                if httpx2.get(f"{self.url}/health").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "collector.log").read_text())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(120)


class Load:
    """Requests of one event each, one after the other, to any of several places; which were acknowledged."""

    def __init__(self, urls):
        self.urls, self.acknowledged, self.unsure = urls, set(), set()
        self.next, self.is_over = 0, False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(seed,)) for seed in range(4)]
        for thread in self.threads:
            thread.start()

    def run(self, seed):
        rng = random.Random(seed)
        with httpx2.Client(timeout=20) as client:
            while not self.is_over:
                with self.lock:
                    turn, self.next = self.next, self.next + 1
                said = {"name": "Wheel Spun", "user": f"u{turn % 50}", "properties": {"turn": turn}}
                try:
                    answer = client.post(
                        f"{rng.choice(self.urls)}/collect", json=said, headers={"Authorization": f"Bearer {KEY}"}
                    )
                    (self.acknowledged if answer.status_code == 200 else self.unsure).add(turn)
                except httpx2.TransportError:
                    self.unsure.add(turn)
                time.sleep(0.004)

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()


def keepers(server):
    told = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(server.process.pid)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in told.stdout.splitlines() if "limner.edge.keeper" in line]


def kill_keeper(server):
    for pid in keepers(server):
        os.kill(pid, signal.SIGKILL)


def test_collectors_brokers_and_keepers_that_die(tmp_path, brokers):
    server = LiveServer(tmp_path / "shop")
    server.start()
    others = [Collector(server.folder, f"state/spool-{number}") for number in range(2)]
    load = Load([server.url, *(one.url for one in others)])
    rng = random.Random(7)
    try:
        time.sleep(3)
        for turn in range(4):
            kill_keeper(server)
            time.sleep(rng.uniform(0.5, 2.5))
            if turn == 1:
                others[0].kill()
                others[0].start()
            if turn == 2:
                brokers.down()
                time.sleep(5)
                others[1].kill()
                brokers.up()
                others[1].start()
        time.sleep(6)
    finally:
        load.stop()
        for one in others:
            one.stop()
        server.stop()
    assert len(load.acknowledged) > 1000
    with server.drained() as shop:
        for spool in ("state/spool-0", "state/spool-1"):
            assert not list((server.folder / spool).rglob("*.closed")), "the collectors forward before they end"
        found = turns(shop)
    assert not load.acknowledged - found.keys(), "an acknowledged event was lost"
    assert [turn for turn, times in found.items() if times > 1] == [], "an event was doubled"
    assert found.keys() <= load.acknowledged | load.unsure
