"""What the kill test kills: one delivery of a desk's outbox, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import Connection

from channel_desk import Desk
from limner.flow.channels.outbox import Due
from limner.flow.channels.terms import Verdict

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["kill_desk", "liquid", "aiosmtplib", "limner.flow.channels.smtp"])


def _warm() -> None:
    """Start the process the deliveries are forked from; it must find our modules to have them ready."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), before]))
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def gate(connection: Connection, rows: Sequence[Due], now: datetime) -> Mapping[int, Verdict]:
    """Every tenth customer has taken back consent since the grant."""
    return {row.decision: Verdict("consent") for row in rows if row.number % 10 == 1}


def mail_desk(home: Path, port: int) -> Desk:
    """The desk of a folder, with a mail channel to a server."""
    desk = Desk(home)
    options = {"host": "127.0.0.1", "port": port, "sender": "news@shop.example", "tls": "none", "connections": 3}
    desk.channel("mail", "smtp", options)
    return desk


def deliver_once(home: str, port: int) -> None:
    """Deliver what is due."""
    mail_desk(Path(home), port).deliver(gate)


def start(home: Path, port: int) -> BaseProcess:
    """Deliver in another process."""
    _warm()
    process = _PROCESSES.Process(target=deliver_once, args=(str(home), port))
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """Kill -9, if it still runs, and wait until the system has forgotten it."""
    pid = process.pid
    if process.is_alive() and pid is not None:
        os.kill(pid, signal.SIGKILL)
    process.join(30)
    while pid is not None and _is_known(pid):
        time.sleep(0.001)


def _is_known(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
