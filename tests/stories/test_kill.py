"""A launch killed with kill -9 at random instants, against a real mail server, and run again until it is done.

What must hold, whatever the instant: nobody who was granted and not released goes without, nobody else gets any; a
receiver that drops a Message-ID it has seen gets each exactly once; any other gets again at most what was under way at
a kill, and the ledger names it.
"""

from __future__ import annotations

import email
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kill_shop import MEMBERS, MOMENT, WITHDRAWN, kill, make_shop, start
from limner.app.workspace import Workspace
from limner.flow.decisions.plans import decisions_of
from limner.store.ledger import Ledger
from limner.store.ledger.tables import outbox, touches
from mail_server import mail_server


@dataclass
class Inbox:
    """Every mail that arrived, in order, as its key and its address."""

    mails: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.content)
        key = str(mail["Message-ID"]).strip("<>").partition("@")[0]
        self.mails.extend((key, address) for address in envelope.rcpt_tos)
        return "250 taken"


@dataclass(frozen=True)
class Shop:
    """A shop that is copied for every story, its plan, its mail server's inbox, and how long a launch takes."""

    home: Path
    plan_id: int
    inbox: Inbox
    granted: frozenset[int]
    seconds: float


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("kill") / "shop"
    inbox = Inbox()
    with mail_server(inbox) as port:
        plan_id = make_shop(home, port)
        with Workspace(home, clock=lambda: MOMENT) as opened:
            rows = decisions_of(opened.stores, plan_id).to_pylist()
        granted = frozenset(row["number"] for row in rows if row["answer"] == "granted")
        assert len(granted) > MEMBERS / 2
        copy = _copied(home, tmp_path_factory.mktemp("first"))
        _launched(copy, plan_id)  # the process the launches are forked from is up
        began = time.monotonic()
        _launched(_copied(home, tmp_path_factory.mktemp("second")), plan_id)
        yield Shop(home, plan_id, inbox, granted, time.monotonic() - began)


def _copied(home: Path, folder: Path) -> Path:
    return Path(shutil.copytree(home, folder / "shop"))


def _launched(home: Path, plan_id: int) -> None:
    process = start(home, plan_id)
    process.join(120)
    assert process.exitcode == 0


def _kill_one(home: Path, shop: Shop, rng: random.Random) -> None:
    """Kill a launch at a random moment of its time, or when a random number of mails has come."""
    target = rng.randint(len(shop.inbox.mails) + 1, len(shop.granted)) if rng.random() < 0.6 else None
    process = start(home, shop.plan_id)
    if target is None:
        time.sleep(rng.uniform(0, shop.seconds))
    else:
        while len(shop.inbox.mails) < target and process.is_alive():
            time.sleep(0.0005)
        time.sleep(rng.uniform(0, 0.02))
    kill(process)


def _rows(home: Path, table: Any) -> list[dict[str, Any]]:
    ledger = Ledger.at(home / "state" / "ledger.db")
    try:
        with ledger.read() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]
    finally:
        ledger.close()


def _story(folder: Path, shop: Shop, rng: random.Random, kills: int = 2) -> int:
    """Kill some times, then let it end, twice; how many messages were under way at the kills."""
    home = _copied(shop.home, folder)
    shop.inbox.mails.clear()
    under_way: set[str] = set()
    for _ in range(kills):
        _kill_one(home, shop, rng)
        under_way |= {row["message_key"] for row in _rows(home, outbox) if row["state"] == "in_flight"}
    _launched(home, shop.plan_id)
    _launched(home, shop.plan_id)
    _judge(home, shop, under_way)
    return len(under_way)


def _judge(home: Path, shop: Shop, under_way: set[str]) -> None:
    rows = {row["message_key"]: row for row in _rows(home, outbox)}
    handed = {key for key, row in rows.items() if row["state"] == "handed_over"}
    released = {key for key, row in rows.items() if row["state"] == "released" and row["number"] in shop.granted}
    granted = {key for key, row in rows.items() if row["number"] in shop.granted}
    assert len(granted) == len(shop.granted)
    assert granted == handed | released
    assert 0 < len(released) <= WITHDRAWN
    assert {row["state"] for key, row in rows.items() if key not in granted} <= {"virtual", "released"}

    arrived = Counter(key for key, _ in shop.inbox.mails)
    assert set(arrived) == handed  # nobody goes without, nobody else gets any
    assert len({address for _, address in shop.inbox.mails}) == len(handed)
    withdrawn = {f"m{n}@example.com" for n in range(MEMBERS - WITHDRAWN, MEMBERS)}
    assert not withdrawn & {address for _, address in shop.inbox.mails}

    written = {touch["message_key"]: touch for touch in _rows(home, touches)}
    assert set(written) == handed  # one touch each, written once
    twice = {key for key, count in arrived.items() if count > 1}
    named = {key for key, touch in written.items() if touch["is_uncertain"]}
    assert twice <= named == under_way
    assert all(written[key]["attempts"] >= 2 for key in named)
    assert all(touch["attempts"] == 1 for key, touch in written.items() if key not in named)
    assert all(count <= written[key]["attempts"] for key, count in arrived.items())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_a_launch_killed_at_random_instants_loses_and_doubles_nobody(tmp_path: Path, shop: Shop, seed: int) -> None:
    _story(tmp_path, shop, random.Random(seed))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_hundred_kills(tmp_path: Path, shop: Shop) -> None:
    rng = random.Random(2026)
    caught = 0
    for number in range(100):
        folder = tmp_path / str(number)
        folder.mkdir()
        caught += _story(folder, shop, rng) > 0
        shutil.rmtree(folder)
    assert caught >= 50  # the kills do strike while messages are under way
