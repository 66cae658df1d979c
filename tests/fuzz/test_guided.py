"""Every decoder under Atheris for a bounded number of runs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fuzz.decoders import TARGETS

RUNS = int(os.environ.get("LIMNER_FUZZ_RUNS", "5000"))
SCRIPT = Path(__file__).with_name("guided.py")
FILES = ("excel", "parquet", "csv", "csv_gzip", "csv_bars", "fixed", "jsonl")
"""Targets that write and read a file with every run, and so get fewer."""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_led_by_coverage(name: str, tmp_path: Path) -> None:
    if find_spec("atheris") is None:
        pytest.skip("Atheris is not installed: it has no wheel for this Python. Raw bytes are tried by Hypothesis.")
    runs = RUNS // 10 if name in FILES else RUNS
    paths = os.pathsep.join([str(SCRIPT.parents[1]), str(SCRIPT.parents[2] / "src")])
    done = subprocess.run(
        [sys.executable, str(SCRIPT), name, str(runs), str(tmp_path / "corpus")],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
