"""The spool: what was acknowledged while the brokers were away lies in segment files here until they have it.

A segment that may stand in the topic already, because an attempt was cut off, says so in a file beside it: `.tried`,
with the offsets from which it is to be looked for. What is found there is not sent again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.store.stream.envelope import packed
from limner.store.stream.segments import CLOSED, Segments, locked, synced

if TYPE_CHECKING:
    from limner.store.stream.base import Segment
    from limner.store.stream.kafka.line import Line

TRIED: Final = ".tried"
SETTLE: Final = 2.0
"""Seconds that brokers who are back may need to write what they were sent before they went."""


class Spool:
    """Segment files on their way to a topic."""

    def __init__(self, segments: Segments) -> None:
        self.segments = segments

    def has_any(self) -> bool:
        """Whether anything may have to be forwarded."""
        return self.segments.has_work()

    def mark_tried(self, segment: Segment, ends: Mapping[int, int]) -> None:
        """Note where in the topic a segment may stand, before it is sent or after that was cut off."""
        path = self._tried(segment)
        ahead = path.with_suffix(".ahead")
        with ahead.open("w", encoding="ascii") as file:
            json.dump({str(number): end for number, end in ends.items()}, file)
            file.flush()
            os.fsync(file.fileno())
        ahead.replace(path)
        synced(path.parent)

    def forward(self, line: Line, own: str = "", is_over: Callable[[], bool] = bool) -> None:
        """Send closed segments, oldest first, until told to stop: of the part `own`, and of writers that are gone.

        Raises Broken when the brokers do not say that they have them; then the line is down.
        """
        for part in sorted({segment.part for segment in self.segments.closed()}):
            folder = self.segments.folder / part
            lock = None if part == own else locked(folder)
            if part != own and lock is None:
                continue  # its writer forwards it
            try:
                for segment in [one for one in self.segments.closed() if one.part == part]:
                    if is_over():
                        return
                    self._send(segment, line)
            finally:
                if lock is not None:
                    os.close(lock)

    def _send(self, segment: Segment, line: Line) -> None:
        envelopes = [packed(envelope) for envelope in self.segments.read(segment)]
        tried = self._tried(segment)
        if tried.exists():
            since = {int(number): end for number, end in json.loads(tried.read_text(encoding="ascii")).items()}
            time.sleep(SETTLE)
            there = line.there(since, [line.mark(envelope) for envelope in envelopes])
            envelopes = [envelope for envelope in envelopes if line.mark(envelope) not in there]
        else:
            self.mark_tried(segment, line.ends)
        if line.send(envelopes, patience=10.0):
            raise line.away()
        self._path(segment, CLOSED).unlink()
        tried.unlink()

    def _tried(self, segment: Segment) -> Path:
        return self._path(segment, TRIED)

    def _path(self, segment: Segment, end: str) -> Path:
        return self.segments.folder / f"{segment.name}{end}"
