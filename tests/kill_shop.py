"""A shop with a planned mail campaign, and its launch in a process of its own, which the kill test kills."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

MOMENT = datetime(2026, 9, 1, 4, tzinfo=UTC)
MEMBERS = 300
WITHDRAWN = 25
"""Members who take their consent back after the plan: the last ones."""

_FILES = {
    "sources/members.yaml": """
files: [members.jsonl]
identifiers: {member_no: member, email: mail}
traits: {name: name}
consents:
  - {channel: {constant: mail}, purpose: {constant: marketing}, granted: granted, happened_at: since}
""",
    "offers/hello.yaml": """
id: hello
content: {mail: {subject: "{{ name }}，新款到店", html: "<p>亲爱的{{ name }}</p>"}}
""",
    "audiences/everybody.yaml": "rule: is_identified",
    "campaigns/hello.yaml": """
id: hello
audience: everybody
offers: [hello]
channels: [mail]
period: {earliest: 2026-09-01, latest: 2026-09-20}
experiment: {holdout: 0.2}
""",
}
_MAIL = """
id: mail
kind: smtp
address: email
is_quiet_exempt: true
options: {{host: 127.0.0.1, port: {port}, sender: news@shop.example, tls: none, connections: 3}}
"""


def make_shop(home: Path, port: int) -> int:
    """A shop whose mail server listens at a port, with a plan; the plan's id. Some took consent back since."""
    from limner.app.opening import make
    from limner.app.workspace import Workspace

    make(home)
    for name, text in {**_FILES, "channels/mail.yaml": _MAIL.format(port=port)}.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    _members(home / "members.jsonl", range(MEMBERS), "yes", MOMENT - timedelta(days=30))
    with Workspace(home, clock=lambda: MOMENT - timedelta(hours=2)) as shop:
        shop.apply()
        shop.collect()
        shop.run(MOMENT - timedelta(hours=3))
        plan_id = shop.plan("hello").plan_id
        late = home / "later.jsonl"
        _members(late, range(MEMBERS - WITHDRAWN, MEMBERS), "no", MOMENT - timedelta(hours=1))
    with Workspace(home, clock=lambda: MOMENT - timedelta(minutes=30)) as shop:
        shop.collect(late, source="members")
    return plan_id


def _members(path: Path, numbers: range, granted: str, since: datetime) -> None:
    rows = (
        {
            "member": f"M{n}",
            "mail": f"m{n}@example.com",
            "name": f"客{n}",
            "granted": granted,
            "since": since.isoformat(),
        }
        for n in numbers
    )
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


def launch_once(home: str, plan_id: int) -> None:
    """Launch the plan."""
    from limner.app.workspace import Workspace

    with Workspace(home, clock=lambda: MOMENT) as shop:
        shop.launch(plan_id)


_PROCESSES = multiprocessing.get_context("forkserver")
_PRELOADED = [
    "kill_shop",
    "limner.flow.channels.smtp",
    "limner.app.launching",
    "limner.app.workspace",
    "liquid",
    "aiosmtplib",
    "duckdb",
]


def start(home: Path, plan_id: int) -> BaseProcess:
    """Launch in another process, forked from one that has everything imported."""
    _PROCESSES.set_forkserver_preload(_PRELOADED)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), before]))
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    process = _PROCESSES.Process(target=launch_once, args=(str(home), plan_id))
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
