"""The keeper: hands over what falls due while a server runs, and lets nothing stop it but being told to.

It looks at the ledger, which costs nothing when nothing is due, and delivers as `launch` does, under the same lease. A
channel that cannot be reached keeps its messages queued: the keeper says so, waits longer each time, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from limner.core.errors import Busy, LimnerError

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.channels.deliver import Delivered

EVERY: Final = 1.0
"""Seconds between two looks at the ledger."""

SWEEP: Final = 60.0
"""Seconds after which a full delivery runs though nothing seems due: what a killed process left under way is found."""

LONGEST: Final = 60.0
"""The longest wait after an error, in seconds; the first is EVERY, each next one twice as long."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How it goes: when it last delivered, and how often in a row that failed."""

    delivered_at: float | None = None
    failures: int = 0

    @property
    def wait(self) -> float:
        """Seconds until the next look."""
        return min(EVERY * 2.0**self.failures, LONGEST) if self.failures else EVERY


Say = Callable[["Delivered | LimnerError"], None]


def keep(
    shop: Workspace,
    say: Say,
    *,
    is_over: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Deliver whatever falls due until `is_over`. `say` hears of every delivery that did something, and every error."""
    watch = Watch()
    while not is_over():
        watch = look(shop, watch, say, clock())
        if not is_over():
            sleep(watch.wait)


def look(shop: Workspace, watch: Watch, say: Say, at: float) -> Watch:
    """One look at the ledger, and a delivery when something is due."""
    from limner.app.launching import send_due

    is_sweep = watch.delivered_at is None or at - watch.delivered_at >= SWEEP
    try:
        if not is_sweep and not _is_due(shop, shop.clock()):
            return watch
        done = send_due(shop)
    except Busy:
        return watch  # another process delivers at this moment: what is left is found at the next look
    except LimnerError as error:
        say(error)
        return replace(watch, delivered_at=at, failures=watch.failures + 1)
    if done.handed_over or done.released or done.failed:
        say(done)
    return Watch(at)


def _is_due(shop: Workspace, now: datetime) -> bool:
    from limner.flow.channels.outbox import still_queued

    with shop.stores.ledger.read() as connection:
        _, moment = still_queued(connection)
    return moment is not None and moment <= now
