"""Fuzzing led by coverage: `python tests/fuzz/guided.py TARGET RUNS FOLDER`. It ends at the first error, saying the
bytes; what it learns it keeps in FOLDER and begins from next time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["limner.flow.sources", "limner.store.stream", "limner.core.normal"]):
    from fuzz.decoders import TARGETS


def main(name: str, runs: int, folder: Path) -> None:
    """Run one target so often."""
    target = TARGETS[name]
    folder.mkdir(parents=True, exist_ok=True)
    for turn, seed in enumerate(target.seeds):
        (folder / f"seed-{turn}").write_bytes(seed)
    arguments = [sys.argv[0], "-max_len=4096", "-seed=1", "-timeout=30", "-rss_limit_mb=3000"]
    atheris.Setup([*arguments, f"-artifact_prefix={folder}/found-", str(folder)], ended(target.call, runs))
    atheris.Fuzz()


def ended(call: Callable[[bytes], None], runs: int) -> Callable[[bytes], None]:
    """The same target, ending the process after so many runs: libFuzzer's own end tears DuckDB down while its threads
    live, which corrupts memory even where nothing but a connection was opened and closed."""
    turns = count(1)

    def counted(given: bytes) -> None:
        call(given)
        if next(turns) == runs:
            print(f"{runs} runs")
            sys.stdout.flush()
            os._exit(0)

    return counted


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
