"""A disk that fills: one clear message, nothing half-written, and the next run goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from limner.app.workspace import Workspace
from limner.core.errors import Full, LimnerError
from limner.edge.cli import run
from small_shop import write_shop

SIZE = 48 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill(disk: Path, left: int) -> Path:
    """Fill the disk but for some bytes; the file that does."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    filler = disk / "filler"
    with filler.open("wb") as file:
        file.write(bytes(max(free - left, 0)))
    return filler


def shop_on(disk: Path, customers: int = 400) -> Path:
    folder = write_shop(disk / "shop", customers)
    with (folder / "limner.toml").open("a", encoding="utf-8") as file:
        file.write("[limits]\ndisk_free = 0\nmemory = 256\n")
    with Workspace(folder) as shop:
        shop.apply()
    return folder


def answers(folder: Path) -> tuple[object, ...]:
    """What the shop says of itself."""
    with Workspace(folder) as shop:
        counted = shop.audience("orders >= 2").count()
        return (getattr(counted, "count", None), *(load.state for load in shop.loads()))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("left", [0, 60_000, 200_000, 400_000])
def test_collect_on_a_full_disk(disk: Path, left: int, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shop_on(disk)
    filler = fill(disk, left)
    code = run(["collect", "-w", str(folder), "--json"])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    if code:
        assert code == 1
        assert '"disk_' in out or "_full" in out
    filler.unlink()
    with Workspace(folder) as shop:
        shop.collect()
        shop.run("2026-09-01")
    healthy = answers(folder)
    assert healthy == (390, "done", "done", "done")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("left", [0, 100_000, 300_000])
def test_run_on_a_full_disk(disk: Path, left: int, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shop_on(disk)
    with Workspace(folder) as shop:
        shop.collect()
    filler = fill(disk, left)
    with Workspace(folder) as shop:
        try:
            shop.run("2026-09-01")
        except LimnerError as error:
            assert isinstance(error, Full), error  # noqa: PT017 - it may also fit
    filler.unlink()
    with Workspace(folder) as shop:
        shop.run("2026-09-01")
    assert answers(folder)[0] == 390


def test_a_disk_that_is_nearly_full_is_told_before_work_begins(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_shop(disk / "shop", 5)
    assert run(["collect", "-w", str(folder), "--json"]) == 1
    assert '"disk_low"' in capsys.readouterr().out
