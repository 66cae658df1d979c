"""A real terminal: what a file cannot say is asked of whoever sits there, and of nobody else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FILE = """订单号,会员号,下单时间,付款时间,应付金额,实付金额
1,M1,2026-05-01 10:00,2026-05-01 10:05,20,10
2,M2,2026-05-02 10:00,2026-05-02 10:05,40,30
"""


def init(folder: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "limner.edge.cli",
        "init",
        str(folder / "shop"),
        "--from",
        str(folder / "o.csv"),
        *more,
    ]


def answer_of(folder: Path) -> str:
    body = yaml.safe_load((folder / "shop" / "sources" / "orders.yaml").read_text(encoding="utf-8"))
    return str(body["events"][0]["amount"])


@pytest.mark.timeout(120)
def test_a_person_at_the_terminal_is_asked(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(FILE, encoding="utf-8")
    leader, follower = pty.openpty()
    environ = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    replies, seen = iter(["应付金额\n", "\n"]), ""
    with subprocess.Popen(init(tmp_path), stdin=follower, stdout=follower, stderr=follower, env=environ) as process:
        os.close(follower)
        for piece in iter(lambda: heard(leader), ""):
            seen += piece
            if piece.rstrip().endswith("]:"):
                os.write(leader, next(replies).encode())
    os.close(leader)
    assert process.returncode == 0, seen
    assert answer_of(tmp_path) == "应付金额"


def heard(leader: int) -> str:
    """What the terminal shows next; empty when the command has ended."""
    try:
        return os.read(leader, 65_536).decode("utf-8", "replace")
    except OSError:
        return ""


def test_a_script_is_not(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(FILE, encoding="utf-8")
    done = subprocess.run(init(tmp_path, "--json"), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0
    assert answer_of(tmp_path) == "实付金额"
