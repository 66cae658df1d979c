"""Two processes at one workspace: a verb waits for the other as long as it has patience."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from limner.app.opening import make
from limner.app.workspace import Workspace
from limner.core.errors import Busy

NOW = datetime(2026, 9, 1, tzinfo=UTC)
HOLD = """
import sys
from datetime import UTC, datetime
from limner.app.workspace import Workspace
with Workspace(sys.argv[1]) as shop, shop.keeper(datetime(2026, 9, 1, tzinfo=UTC), "collect"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def held(tmp_path):
    """A workspace at which another process is at work; call it to let that process end."""
    home = make(tmp_path / "shop")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert other.stdout.readline() == "held\n"
    yield home, lambda: other.communicate("\n")
    if other.poll() is None:
        other.communicate("\n")


def test_without_patience_it_says_who_is_at_work(held):
    home, _ = held
    with Workspace(home, clock=lambda: NOW) as shop, pytest.raises(Busy, match="collect"):
        shop.run()


def test_with_patience_it_waits(held):
    home, let_go = held
    told = []
    with Workspace(home, clock=lambda: NOW, patience=60, tell=lambda *step: told.append(step)) as shop:
        thread = threading.Thread(target=lambda: (time.sleep(0.3), let_go()))
        thread.start()
        shop.run()
        thread.join()
    assert (0, 0, "waiting") in told


def test_patience_has_an_end(held):
    home, _ = held
    with Workspace(home, clock=lambda: NOW, patience=0.3) as shop, pytest.raises(Busy):
        shop.run()
