"""Deliver a full outbox to local sinks: a list file, a gateway by HTTP, a mail server.

Run `python bench/deliver.py` (1 M messages to the file and the gateway, 50,000 mails; `--messages N` for others). The
sinks are the twins of `limner.flow.channels.twins` in a process of their own, so that both sides share the cores of
the machine. Every message goes the whole way: outbox row, address out of the vault, template, mark, hand over, touch.
The limit is 5,000 messages a second; the peer is the same kind fed with ready messages, without ledger, vault and
templates.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import func, insert, select

from limner.core.actor import OWNER
from limner.core.definition import read
from limner.core.ours import Channel, Content, Offer
from limner.core.settings import Settings
from limner.flow.channels.base import KINDS, Message, Post, Rendered
from limner.flow.channels.deliver import deliver
from limner.flow.channels.terms import Lent, all_may
from limner.flow.channels.twins import GatewayTwin, MailTwin
from limner.store.definitions import Definitions
from limner.store.ledger import Ledger
from limner.store.ledger.tables import outbox, touches
from limner.store.vault import Vault

NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)
WORDS = {
    "file": Content(text="{{ name }}：您收藏的{{ item }}降价了"),
    "webhook": Content(text="【南枝】{{ name }}，您收藏的{{ item }}降价了，券 {{ offer.coupon }}，回T退订"),
    "smtp": Content(subject="{{ name }}，降价了", html="<p>亲爱的{{ name }}，您收藏的{{ item }}降价了</p>"),
}
TWINS = {"smtp": MailTwin, "webhook": GatewayTwin}


def _serve(kind: str, pipe: Pipe) -> None:
    async def story() -> None:
        async with TWINS[kind]() as twin:
            pipe.send(dict(twin.options))
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
            pipe.send(len(set(twin.received())))

    asyncio.run(story())


@contextmanager
def sink(kind: str) -> Iterator[tuple[Mapping[str, Any], Pipe | None]]:
    """A twin in its own process: the options of a channel to it, and a pipe that answers how many it took."""
    if kind not in TWINS:
        yield {}, None
        return
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(kind, theirs))
    process.start()
    try:
        yield ours.recv(), ours
        process.join(10)
    finally:
        process.terminate()


def fill(ledger: Ledger, vault: Vault, kind: str, messages: int) -> None:
    """An outbox of messages to as many customers."""
    step = 100_000
    for start in range(1, messages + 1, step):
        numbers = range(start, min(start + step, messages + 1))
        vault.put("email", {n: f"customer{n}@example.com" for n in numbers})
        with ledger.write() as connection:
            connection.execute(insert(outbox), [_row(n, kind) for n in numbers])


def _row(number: int, kind: str) -> dict[str, object]:
    return {
        "decision": number,
        "plan_id": 1,
        "campaign": "autumn",
        "number": number,
        "trace": number,
        "channel": kind,
        "offer": "coupon",
        "message_class": "marketing",
        "purpose": "marketing",
        "message_key": f"{number:032x}",
        "moment": NOW,
        "latest_at": NOW + timedelta(days=1),
        "next_try_at": NOW,
        "state": "queued",
        "parameters": json.dumps({"name": f"王{number}", "item": "羊绒大衣"}, ensure_ascii=False),
        "cost": Decimal("0.045"),
        "changed_at": NOW,
    }


def whole(kind: str, messages: int) -> dict[str, object]:
    """Seconds of a delivery, ledger and vault included."""
    with tempfile.TemporaryDirectory() as folder, sink(kind) as (options, pipe):
        home = Path(folder)
        ledger, vault = Ledger.at(home / "ledger.db"), Vault(home / "vault.db", b"v" * 32)
        fill(ledger, vault, kind, messages)
        stores = SimpleNamespace(ledger=ledger, vault=vault, hash_key=b"h" * 32, settings=Settings())
        price = Decimal("0.045")
        channel = Channel(kind, kind, options=options, address="phone" if kind == "webhook" else "email", price=price)
        offer = Offer("coupon", name="¥40", coupon="AUT40", content=WORDS)
        definitions = Definitions({"channels": {kind: channel}, "offers": {"coupon": offer}})
        start, cpu = time.perf_counter(), time.process_time()
        done = deliver(
            cast("Any", stores),
            definitions,
            who=OWNER,
            now=lambda: NOW,
            rng=random.Random(1),
            lent=Lent(home, str, all_may),
        )
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        with ledger.read() as connection:
            written = connection.execute(select(func.count()).select_from(touches)).scalar()
        arrived = _arrived(pipe) if pipe else _lines(home)
        assert done.handed_over == written == arrived == messages, (done, written, arrived)
    return {
        "seconds": round(seconds, 2),
        "per_second": round(messages / seconds),
        "cpu_us_per_message": round(cpu / messages * 1e6),
    }


def bare(kind: str, messages: int) -> dict[str, object]:
    """Seconds of the kind alone, fed with ready messages."""
    made = KINDS.find(kind)
    with tempfile.TemporaryDirectory() as folder, sink(kind) as (options, pipe):
        post = Post(kind, Path(folder), lambda: NOW)
        words = Rendered("【南枝】王，您收藏的羊绒大衣降价了，回T退订", "王，降价了", "<p>亲爱的王，羊绒大衣降价了</p>")
        ready = [
            Message(f"{n:032x}", f"customer{n}@example.com", words, campaign="autumn") for n in range(1, messages + 1)
        ]
        instance = made(read(made.options_type, dict(options), kind), post)

        async def work(batches: Iterator[list[Message]]) -> None:
            for batch in batches:
                await instance.deliver(batch)

        async def story() -> None:
            await instance.open()
            step = instance.batch
            batches = (ready[n : n + step] for n in range(0, messages, step))
            await asyncio.gather(*(work(batches) for _ in range(instance.at_once)))
            await instance.close()

        start = time.perf_counter()
        asyncio.run(story())
        seconds = time.perf_counter() - start
        arrived = _arrived(pipe) if pipe else _lines(Path(folder))
        assert arrived == messages, arrived
    return {"seconds": round(seconds, 2), "per_second": round(messages / seconds)}


def _arrived(pipe: Pipe) -> int:
    pipe.send("how many")
    return int(pipe.recv())


def _lines(home: Path) -> int:
    return sum(path.read_bytes().count(b"\n") - 1 for path in (home / "lists").glob("*.csv"))


def main() -> None:
    """Print one JSON document per kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="*", default=["file", "webhook", "smtp"])
    arguments = parser.parse_args()
    for kind in arguments.kinds:
        messages = arguments.messages if kind != "smtp" else min(arguments.messages, 50_000)
        peer, ours = bare(kind, messages), whole(kind, messages)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        load = round(os.getloadavg()[0], 1)
        row = {"kind": kind, "messages": messages, "limner": ours, "bare": peer, "peak_mib": peak, "load": load}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
