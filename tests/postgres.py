"""A real PostgreSQL for tests: its own data folder, on a free port of this machine, stopped at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from mail_server import free_port


@contextmanager
def postgres() -> Iterator[str]:
    """Serve while the block runs; the URL of an empty cluster without the database's name. Skips where there is none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    here, who = _programs(), _who()
    if here is None or who is False:
        pytest.skip("there is no PostgreSQL to start on this machine")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    if who:
        shutil.chown(folder, who)
    port = free_port()
    run = partial(subprocess.run, check=True, user=who or None, cwd=folder, stdout=subprocess.DEVNULL)
    run([here / "initdb", "-D", folder / "d", "-A", "trust", "-U", "limner", "-E", "UTF8", "--no-locale"])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run([here / "pg_ctl", "-D", folder / "d", "-w", "-o", options, "-l", folder / "log", "start"])
    try:
        yield f"postgresql+psycopg://limner@127.0.0.1:{port}"
    finally:
        run([here / "pg_ctl", "-D", folder / "d", "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


def fresh(url: str, name: str) -> str:
    """A new database of a cluster; its URL."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url}/{name}"


def _programs() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _who() -> str | bool | None:
    """Who may run it: None for ourselves, a name where we are root, False where nobody can."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return False
