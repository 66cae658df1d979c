"""A delivery killed with kill -9 at random instants, against a real mail server, and run again until it is done.

What must hold, whatever the instant: nobody who was granted goes without, nobody else gets any; a receiver that drops
a Message-ID it has seen gets each exactly once; any other gets again at most what was under way at a kill, and the
ledger names it.
"""

from __future__ import annotations

import email
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from channel_desk import Desk
from kill_desk import kill, mail_desk, start
from mail_server import mail_server

MESSAGES = 300
REFUSED = frozenset(range(1, MESSAGES + 1, 10))


class Inbox:
    """Every mail that arrived, in order, as its key and its address."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.content)
        key = str(mail["Message-ID"]).strip("<>").partition("@")[0]
        self.mails.extend((key, address) for address in envelope.rcpt_tos)
        return "250 taken"


def _queued(home: Path, port: int) -> Desk:
    desk = mail_desk(home, port)
    desk.queue("mail", MESSAGES)
    desk.queue("mail", 50, start=10_001, state="virtual")  # held out: room is kept, nothing is sent
    desk.queue("mail", 50, start=20_001, state="released")
    return desk


def _kill_at(home: Path, port: int, inbox: Inbox, rng: random.Random) -> None:
    """Start a delivery and kill it when a random number of mails has come, a random moment later."""
    target = rng.randint(len(inbox.mails), MESSAGES - len(REFUSED))
    delivery = start(home, port)
    while len(inbox.mails) < target and delivery.is_alive():
        time.sleep(0.0005)
    time.sleep(rng.uniform(0, 0.03))
    kill(delivery)


def _story(home: Path, rng: random.Random, kills: int = 2) -> int:
    """Kill some times, then let it end; how many messages were under way at the kills."""
    inbox = Inbox()
    with mail_server(inbox) as port:
        desk = _queued(home, port)
        under_way: set[str] = set()
        for _ in range(kills):
            _kill_at(home, port, inbox, rng)
            under_way |= {row["message_key"] for row in desk.rows() if row["state"] == "in_flight"}
        last = start(home, port)
        last.join(60)
        assert last.exitcode == 0
    _judge(desk, inbox, under_way)
    return len(under_way)


def _judge(desk: Desk, inbox: Inbox, under_way: set[str]) -> None:
    granted = {f"key-mail-{n}" for n in range(1, MESSAGES + 1)}
    released = {row["message_key"] for row in desk.rows() if row["reason"] == "consent"}
    arrived = Counter(key for key, _ in inbox.mails)
    assert {f"key-mail-{n}" for n in REFUSED} == released
    assert set(arrived) == granted - released  # nobody goes without, nobody else gets any
    assert all(address == f"someone{key.rpartition('-')[2]}@example.com" for key, address in inbox.mails)
    twice = {key for key, count in arrived.items() if count > 1}
    assert twice <= under_way
    touches = {touch["message_key"]: touch for touch in desk.touches()}
    assert set(touches) == granted - released  # one touch each, written once
    named = {key for key, touch in touches.items() if touch["is_uncertain"]}
    assert twice <= named == under_way
    assert all(touches[key]["attempts"] >= 2 for key in named)
    assert all(touch["attempts"] == 1 for key, touch in touches.items() if key not in named)
    assert all(count <= touches[key]["attempts"] for key, count in arrived.items())


@pytest.mark.parametrize("seed", range(3))
def test_a_delivery_killed_at_random_instants_loses_and_doubles_nobody(tmp_path: Path, seed: int) -> None:
    _story(tmp_path, random.Random(seed))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills(tmp_path: Path) -> None:
    rng = random.Random(2026)
    caught = 0
    for number in range(100):
        home = tmp_path / str(number)
        home.mkdir()
        caught += _story(home, rng) > 0
    assert caught >= 50  # the kills do strike while messages are under way
