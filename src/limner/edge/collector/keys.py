"""Write keys as the door knows them: looked up in memory, learned anew every second."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Final

from limner.flow.sources.live.write_keys import known_keys

if TYPE_CHECKING:
    from limner.store.ledger import Ledger

EVERY: Final = 1.0
"""Seconds between two looks at the ledger: a revoked key is refused this long after, at most."""


class Doorkeeper:
    """Which source a write key opens."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._seen: dict[str, str] = {}
        self._known = known_keys(ledger)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="limner-keys", daemon=True)
        self._thread.start()

    def source(self, key: str) -> str:
        """The source that a key writes to; empty for an unknown or revoked one."""
        found = self._seen.get(key)
        if found is None:
            found = self._known.get(hashlib.sha256(key.encode("utf-8", errors="replace")).digest(), "")
            if found:
                self._seen[key] = found
        return found

    def close(self) -> None:
        """Stop looking."""
        self._over.set()

    def _renew(self) -> None:
        failures = 0
        while not self._over.wait(EVERY * min(2**failures, 32)):
            try:
                known = known_keys(self._ledger)
            except Exception:  # the ledger is busy or gone for a moment: what is known stays
                failures = min(failures + 1, 5)
                continue
            failures = 0
            if known != self._known:
                self._known, self._seen = known, {}


def now_us() -> int:
    """The present moment, µs UTC."""
    return time.time_ns() // 1000
