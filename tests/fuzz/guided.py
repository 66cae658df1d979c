"""Fuzzing led by coverage: `python tests/fuzz/guided.py TARGET RUNS FOLDER`. It ends at the first error, saying the
bytes; what it learns it keeps in FOLDER and begins from next time."""

from __future__ import annotations

import sys
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
    arguments = [sys.argv[0], f"-runs={runs}", "-max_len=4096", "-seed=1", "-timeout=30", "-rss_limit_mb=3000"]
    atheris.Setup([*arguments, f"-artifact_prefix={folder}/found-", str(folder)], target.call)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
