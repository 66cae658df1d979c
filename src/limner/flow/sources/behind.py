"""Writing behind: what is stated is written by a thread of its own while the next rows are worked on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class Behind:
    """Work handed over is done one after the other, in order; once some fails, none after it is begun.

    >>> done, behind = [], Behind()
    >>> behind.hand(lambda: done.append(1))
    >>> behind.hand(lambda: done.append(1 / 0))
    >>> behind.hand(lambda: done.append(3))
    >>> try:
    ...     behind.settle()
    ... except ZeroDivisionError:
    ...     done
    [1]
    >>> behind.close()
    """

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(1, "limner-behind")
        self._waiting: list[Future[None]] = []
        self._has_failed = False

    def hand(self, work: Callable[[], None]) -> None:
        """Hand over some work."""
        self._waiting.append(self._writer.submit(self._done, work))

    def settle(self) -> None:
        """Wait until all that was handed over is done; raises what kept it from being so."""
        while self._waiting:
            self._waiting.pop(0).result()

    def close(self) -> None:
        """Wait for the work under way and end the thread; call `settle` before, to hear of errors."""
        self._writer.shutdown()

    def _done(self, work: Callable[[], None]) -> None:
        if self._has_failed:
            return
        try:
            work()
        except BaseException:
            self._has_failed = True
            raise
