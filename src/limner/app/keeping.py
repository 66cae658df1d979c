"""The keeper: brings in what clients sent, hands over what falls due, and once a day drops what the rules of retention
let go, while a server runs; nothing stops it but being told to.

It looks at the stream and at the ledger, which costs nothing when there is nothing to do, and drains and delivers under
the same lease as every other work. What fails is said, and tried again after a wait that grows: a channel that cannot
be reached keeps its messages queued, what cannot be drained stays in the stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from limner.app.listening import Listening
from limner.core.errors import Busy, LimnerError

if TYPE_CHECKING:
    from limner.app.privacy.retaining import Retained
    from limner.app.workspace import Workspace
    from limner.flow.channels.deliver import Delivered
    from limner.flow.sources.live.drain import Drain, Drained

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
        """Seconds until the next try after a failure."""
        return min(EVERY * 2.0**self.failures, LONGEST) if self.failures else EVERY

    def is_waiting(self, at: float) -> bool:
        """Whether it is too early to try again."""
        return bool(self.failures) and self.delivered_at is not None and at - self.delivered_at < self.wait


Say = Callable[["Delivered | Drained | Retained | LimnerError"], None]


def keep(
    shop: Workspace,
    say: Say,
    *,
    is_over: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Drain, listen, deliver and retain until `is_over`. `say` hears of all that was done, and of every error."""
    watch, taking, listening, retained_at = Watch(), Taking(shop), Listening(shop), None
    try:
        while not is_over():
            taking.look(say, clock())
            listening.look(say, clock())
            watch = look(shop, watch, say, clock())
            retained_at = retain_at(shop, retained_at, say, clock())
            if not is_over():
                sleep(EVERY)
    finally:
        taking.close()


class Taking:
    """Draining, look by look; what is remembered from one to the next is let go of after an error."""

    def __init__(self, shop: Workspace) -> None:
        self._shop = shop
        self._drain: Drain | None = None
        self._failures = 0
        self._again_at = 0.0

    def look(self, say: Say, at: float) -> None:
        """Drain whatever waits; after an error not before its wait is over."""
        from limner.app.intake import drain_all
        from limner.flow.sources.live.drain import Drain

        if at < self._again_at or not self._shop.stores.stream.has_work():
            return
        try:
            self._drain = self._drain or Drain(self._shop.stores)
            for done in drain_all(self._shop, self._drain):
                say(done)
        except Busy:
            return  # another process is at work in the lake: what waits is found at the next look
        except LimnerError as error:
            self.close()
            self._failures += 1
            self._again_at = at + min(EVERY * 2.0**self._failures, LONGEST)
            say(error)
            return
        self._failures = 0

    def close(self) -> None:
        """Let go of what is remembered."""
        if self._drain is not None:
            self._drain.close()
            self._drain = None


def retain_at(shop: Workspace, last: float | None, say: Say, at: float) -> float:
    """Follow the rules of retention, where that has not been done today; a look a minute. When it last looked."""
    from limner.app.privacy.retaining import retain_daily

    if last is not None and at - last < SWEEP:
        return last
    try:
        done = retain_daily(shop)
    except Busy:
        return at  # another process is at work in the lake: a minute later is soon enough
    except LimnerError as error:
        say(error)
        return at
    if done is not None and done.rows:
        say(done)
    return at


def look(shop: Workspace, watch: Watch, say: Say, at: float) -> Watch:
    """One look at the ledger, and a delivery when something is due."""
    from limner.app.launching import send_due

    if watch.is_waiting(at):
        return watch
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
