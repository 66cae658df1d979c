"""Group commit: requests that come while one lot is being written are written together in the next."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from limner.core.errors import BadInput, Full, words

if TYPE_CHECKING:
    from limner.store.stream import Writer

BUSY = words("stream_busy", "More comes in than can be written: {waiting} MiB wait. Send it again in {seconds} s.")

TOO_LARGE = words("stream_too_large", "The request has {size} bytes, the stream takes {most} at most.")

EVERY: Final = 1.0
"""Seconds after which an open segment is closed, so that it can be drained."""

MOST: Final = 64 << 20
"""Bytes that may wait to be written; what comes then is told to come again."""


PACE: Final = 0.004
"""Seconds between two lots when many come: fewer syncs carry more."""

CROWD: Final = 8
"""Requests of the last lot from which on many come."""


Heard: TypeAlias = Callable[[Exception | None], object]
"""Is told once, in the loop's thread, when something is on the disk (None) or what kept it from there."""


class _Lot:
    """What is written together, and who waits for it."""

    __slots__ = ("size", "sizes", "texts", "waiters")

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.size = self.sizes = 0
        self.waiters: list[Heard] = []


class GroupCommit:
    """One thread that writes for an event loop."""

    def __init__(self, writer: Writer, *, every: float = EVERY) -> None:
        self._writer, self._every = writer, every
        self._loop = asyncio.get_running_loop()
        self._has_work = threading.Condition()
        self._lot = _Lot()
        self._bytes = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._work, name="limner-stream", daemon=True)
        self._thread.start()

    def submit(self, text: bytes, size: int, heard: Heard) -> None:
        """Write a packed envelope; `heard` is told when it is done. `size` is that of what it unpacks to.

        Raises Full when too much waits, BadInput for one that is larger than the stream takes.
        """
        if len(text) > self._writer.most:
            raise BadInput(TOO_LARGE, size=len(text), most=self._writer.most)
        if self._bytes + len(text) > MOST:
            raise Full(BUSY, waiting=self._bytes >> 20, seconds=5)
        self._bytes += len(text)
        with self._has_work:
            lot = self._lot
            if not lot.texts:
                self._has_work.notify()
            lot.texts.append(text)
            lot.waiters.append(heard)
            lot.size += len(text)
            lot.sizes += size

    def close(self) -> None:
        """Write what waits, close the segment and end the thread."""
        with self._has_work:
            self._is_over = True
            self._has_work.notify()
        self._thread.join()
        self._writer.close()

    def _work(self) -> None:
        opened = began = time.monotonic()
        before = 0
        while True:
            with self._has_work:
                if not self._lot.texts and not self._is_over:
                    self._has_work.wait(self._every)
            if before >= CROWD:
                time.sleep(max(0.0, began + PACE - time.monotonic()))
            began = time.monotonic()
            with self._has_work:
                lot, self._lot = self._lot, _Lot()
                is_over = self._is_over
            before = len(lot.texts)
            if lot.texts:
                if not self._writer.size:
                    opened = time.monotonic()
                self._write(lot)
            elif is_over:
                return
            if self._writer.size and time.monotonic() - opened >= self._every:
                self._close_segment()

    def _write(self, lot: _Lot) -> None:
        error: Exception | None = None
        try:
            self._writer.write(lot.texts, lot.sizes)
        except Exception as failure:  # whoever waits must hear of it
            error = failure
        self._loop.call_soon_threadsafe(self._tell, lot, error)

    def _tell(self, lot: _Lot, error: Exception | None) -> None:
        self._bytes -= lot.size
        for heard in lot.waiters:
            heard(error)

    def _close_segment(self) -> None:
        try:
            self._writer.close_segment()
        except OSError:
            return  # tried again after the next lot; the drain finds it when this process ends
