"""How long it takes to begin: `import limner`, `limner --help`, and a command that has nothing to do.

Limits: `import limner` 0.3 s, `limner --help` 0.5 s. The peer is Python itself starting and importing nothing, in the
same run. Each figure is the best of several fresh processes: the rest is the machine doing something else.
"""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS = 7
LIMITS = {"import limner": 0.3, "limner --help": 0.5}
CASES = {
    "python, nothing imported": ["-c", "pass"],
    "import limner": ["-c", "import limner"],
    "limner --help": ["-m", "limner.edge.cli", "--help"],
    "limner run, no workspace": ["-m", "limner.edge.cli", "run", "-w", "/nowhere"],
}


def seconds(arguments: list[str]) -> float:
    """The best of several fresh processes; the first fills the caches and does not count."""
    found = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found.append(time.perf_counter() - began)
    return min(found[1:])


def main() -> int:
    """Measure all cases; 1 when a limit is broken."""
    is_broken = False
    for name, arguments in CASES.items():
        took, limit = seconds(arguments), LIMITS.get(name)
        is_broken |= limit is not None and took > limit
        print(f"{name:28}{took:8.3f} s" + (f"   limit {limit} s" if limit is not None else ""))
    return int(is_broken)


if __name__ == "__main__":
    sys.exit(main())
