"""`bench`: run a benchmark of the checkout. The benchmarks are scripts in `bench/`, which no wheel carries."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import limner
from limner.core.errors import NotFound, near, words
from limner.core.tell import Tell, silent

NO_BENCHES = words(
    "bench_not_here",
    "The benchmarks stand in the checkout, not in the installed package: there is no folder {path}. "
    "Clone the repository and run `limner bench {name}` there.",
)
_STDERR = 2
UNKNOWN_BENCH = words("bench_unknown", "There is no benchmark {name!r}. Known: {known}.")


@dataclass(frozen=True, slots=True)
class Benched:
    """A benchmark that has run: its name and its exit code; what it measured it printed itself."""

    name: str
    exit_code: int

    def __str__(self) -> str:
        return f"bench/{self.name}.py ended with {self.exit_code}"


def bench(name: str, *, tell: Tell = silent, home: Path | None = None) -> Benched:
    """Run bench/NAME.py with this Python. `home` is the checkout (default: the one limner is imported from)."""
    checkout = home or Path(limner.__file__).parents[2]
    folder = checkout / "bench"
    known = {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}
    if not known or not (checkout / "pyproject.toml").exists():
        raise NotFound(NO_BENCHES, path=folder, name=name)
    if name not in known:
        raise NotFound(UNKNOWN_BENCH, near=near(name, known), name=name, known=", ".join(known))
    tell(0, 0, name)
    done = subprocess.run([sys.executable, str(known[name])], check=False, cwd=folder.parent, stdout=_STDERR)
    return Benched(name, done.returncode)
