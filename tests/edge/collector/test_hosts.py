"""A machine that only collects: another folder, another vault, no key of the identifiers; the ledger and the topic are
what it shares with the one that drains."""

from __future__ import annotations

import asyncio
import os

import httpx2
import pytest

from brokers import TOPIC, Brokers
from limner.app.intake import key_make
from limner.app.opening import make
from limner.app.workspace import Workspace
from limner.edge.collector import Collector
from limner.edge.collector.alone import alone
from live_server import KEY, asked
from postgres import fresh, postgres


@pytest.fixture
def brokers():
    found = Brokers()
    yield found
    found.close()


def machine(folder, ledger, stream):
    """A workspace folder with its own keys, the ledger and the stream of others."""
    make(folder, locale="en")
    with (folder / "limner.toml").open("a", encoding="utf-8") as settings:
        settings.write('stream = "env:STREAM_KEY"\n')  # [keys] is the last section
        settings.write(f'[stores]\nledger = "{ledger}"\nstream = "{stream}"\n')
    return folder


def sent(collector, *requests):
    """The answers to requests, sent one after the other."""

    async def send():
        transport = httpx2.ASGITransport(app=collector)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            head = {"Authorization": f"Bearer {KEY}"}
            found = [await client.post("/collect", headers=head, json=one) for one in requests]
            found.append(await client.get("/health"))
            found.append(await client.get("/loads"))
        await asyncio.to_thread(collector.close)
        return [one.status_code for one in found]

    return asyncio.run(send())


def event(turn):
    return {"name": "Wheel Spun", "id": f"m{turn}", "user": f"u{turn}", "identifiers": {"phone": "13812349876"}}


@pytest.mark.slow
def test_what_one_machine_takes_another_drains(tmp_path, brokers, monkeypatch):
    monkeypatch.setenv("STREAM_KEY", os.urandom(32).hex())
    url = f"kafka://{brokers.servers}/{TOPIC}?message.max.bytes=20000"
    with postgres() as cluster:
        ledger = fresh(cluster, "hosts")
        lake, edge = (machine(tmp_path / name, ledger, url) for name in ("lake", "edge"))
        (lake / "sources").mkdir()
        (lake / "sources" / "web.yaml").write_text("id: web\nlive: {}\n", encoding="utf-8")
        with Workspace(lake) as shop, Workspace(edge) as other:
            shop.apply()
            key_make(shop, "web", key=KEY)
            large = {"name": "Wheel Spun", "user": "u1", "properties": {"text": os.urandom(20_000).hex()}}
            answers = sent(Collector(other.stores, alone), event(1), event(2), event(1), large)
            assert answers == [200, 200, 200, 413, 200, 404]
            assert shop.drain().counts.rejected == {"duplicate event": 1}
            assert len(asked(shop, "SELECT 1 FROM events")) == 2
            assert [one.name for one in shop.tail()] == ["Wheel Spun"] * 3
            assert other.drain().counts.rows == 0
            shop.run("2100-01-01")
            erased = shop.privacy.erase("user_id:u1", yes=True, why="asked")
            assert erased.proof.is_clean
            assert erased.proof.elsewhere == f"kafka {brokers.servers}/{TOPIC}"  # these brokers delete no records
            assert shop.tail() == ()
        assert not any(b"13812349876" in path.read_bytes() for path in edge.rglob("*") if path.is_file())
