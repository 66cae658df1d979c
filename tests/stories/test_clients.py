"""The makers' own event clients, unmodified, through a server that is killed and started again in the middle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from limner.core.ids import identifier_hash
from live_server import KEY, LiveServer, asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCRIPTS = Path(__file__).parent.parent / "clients"
UUIDS = frozenset({"01a203e4-1ba4-7f98-aca3-99461a2e58d5", "01a203e4-1ba4-7f98-aca3-99461a2e58d6"})


@dataclass(frozen=True)
class Client:
    """A client, what it calls its event, the visitor's ids it tells, whether it tells the phone and traits, and
    whether it sends again what was not answered. One that `drops` events before it sends them is held to what it says
    it has sent."""

    script: str
    event: str = "Wheel Spun"
    visitors: frozenset[str] = frozenset({"a0", "a1"})
    has_phone: bool = True
    has_traits: bool = True
    retries: bool = False
    drops: str = ""


CLIENTS = [
    Client("segment_python.py", retries=True),
    Client("segment_node.mjs"),
    Client("rudderstack_python.py", retries=True),
    Client("rudderstack_node.mjs", visitors=frozenset({"a0", "a1"})),
    Client("sensors_python.py", "WheelSpun", frozenset({"a0", "a1", "u1"})),
    Client("sensors_node.mjs", "WheelSpun", frozenset({"a0", "a1", "u1"}), has_phone=False, drops="Suceeded: 200"),
    Client("posthog_python.py", visitors=UUIDS),
    Client("posthog_node.mjs", visitors=UUIDS),
    Client("mixpanel_python.py"),
    Client("mixpanel_node.mjs"),
    Client("amplitude_python.py"),
    Client("amplitude_node.mjs"),
    Client("thinkingdata_python.py", "WheelSpun"),
    Client("snowplow_python.py", "wheel_spun", has_phone=False, has_traits=False),
    Client("snowplow_node.mjs", "wheel_spun", has_phone=False, has_traits=False),
]


@cache
def node_clients() -> str:
    """The folder in which the Node clients are installed, once for all runs."""
    folder = Path(os.environ.get("LIMNER_NODE_CLIENTS", Path(tempfile.gettempdir()) / "limner-node-clients"))
    if shutil.which("npm") is None:
        pytest.skip("Node is not installed: its clients are not tried")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (SCRIPTS / "package.json").read_text(encoding="utf-8")
    mark = folder / "installed.json"
    if not mark.exists() or mark.read_text(encoding="utf-8") != wanted:
        (folder / "package.json").write_text(wanted, encoding="utf-8")
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"the Node clients cannot be installed here: {done.stderr[-300:]}")
        mark.write_text(wanted, encoding="utf-8")
    return str(folder)


def begun(client: Client, url: str, told: Path) -> subprocess.Popen[str]:
    """The client's script, running; what it tells of itself goes to a file."""
    env = {**os.environ, "PYTHONWARNINGS": "ignore", "DEBUG": "sa:Submitter"}
    runner = sys.executable
    if client.script.endswith(".mjs"):
        env["LIMNER_NODE_CLIENTS"] = node_clients()
        runner = "node"
    return subprocess.Popen(
        [runner, str(SCRIPTS / client.script), url, KEY],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=told.open("w"),
        text=True,
    )


def until_half(process: subprocess.Popen[str]) -> None:
    """Wait until the first half is sent."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "half":
            return
    raise AssertionError("the client ended before its half")


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.script)
def test_a_client_through_a_killed_server(client: Client, tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "shop")
    server.start()
    told = tmp_path / "told.txt"
    process = begun(client, server.url, told)
    try:
        until_half(process)
        server.kill()
        if client.retries:
            go_on(process)
        server.start()
        if not client.retries:
            go_on(process)
        process.communicate(timeout=240)
        assert process.returncode == 0, told.read_text(encoding="utf-8")[-2000:]
    finally:
        process.kill()
        server.stop()
    with server.drained() as shop:
        events = asked(shop, f"SELECT extra, trace FROM events WHERE name = '{client.event}'")
        turns = sorted(json.loads(str(row["extra"]))["turn"] for row in events)
        if client.drops:
            assert sorted(set(turns)) == turns, "an event was doubled"
            signups = len(asked(shop, "SELECT 1 FROM events WHERE name = 'Signed Up'"))
            sent = told.read_text(encoding="utf-8").count(client.drops)
            came = shop.loads()[-1].counts.rows - signups
            assert came >= sent, (
                "an acknowledged event was lost"
            )  # more: committed, and the answer died with the server
            return
        assert turns == list(range(40)), "an acknowledged event was lost or doubled"
        assert {
            json.loads(str(row["extra"])).get("颜色", json.loads(str(row["extra"])).get("colour")) for row in events
        } == {"红"}
        _same_person(shop, client, {row["trace"] for row in events})
        assert shop.loads()[-1].counts.rejected in ({}, {"duplicate event": 20}, {"duplicate event": 40})


def _same_person(shop, client: Client, traces) -> None:
    """Everything is of one customer, known by the identifiers that were sent and by no other."""
    key = shop.stores.hash_key
    wanted = {("user_id", identifier_hash(key, "user_id", "u1"))}
    wanted |= {("cookie", identifier_hash(key, "cookie", one)) for one in client.visitors}
    if client.has_phone:
        wanted.add(("phone", identifier_hash(key, "phone", "+8613812349876")))
    rows = asked(shop, "SELECT DISTINCT kind, hash, trace FROM identifiers")
    assert {(row["kind"], bytes(row["hash"])) for row in rows} == wanted
    shop.run("2100-01-01")
    number = asked(shop, "SELECT DISTINCT number FROM links")
    assert len(number) == 1
    assert traces <= {row["trace"] for row in rows}
    if client.has_traits:
        stated = asked(shop, "SELECT DISTINCT name, text, number FROM traits ORDER BY name")
        assert stated == [
            {"name": "age", "text": None, "number": 31.0},
            {"name": "name", "text": "王小明", "number": None},
            {"name": "vip", "text": None, "number": 1.0},
        ]
