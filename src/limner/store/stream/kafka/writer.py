"""Writing a topic: acknowledged is what all replicas have, or what is on the disk while the brokers are away."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from limner.core.errors import LimnerError
from limner.store.stream.base import Segment, Told, silent
from limner.store.stream.kafka.line import PATIENCE, Line
from limner.store.stream.kafka.seal import OVER
from limner.store.stream.writer import SegmentWriter

if TYPE_CHECKING:
    from limner.store.stream.kafka.place import Place
    from limner.store.stream.kafka.spool import Spool
    from limner.store.vault import Vault

LOOK: Final = 0.5
"""Seconds between two looks at what is to be forwarded, and the first wait after a failure; the longest is LONGEST."""

LONGEST: Final = 15.0


class TopicWriter:
    """The writer of one process. A thread of its own calls the brokers again and forwards what was spooled."""

    def __init__(
        self, place: Place, key: bytes, spool: Spool, vault: Vault, *, disk_free: int = 0, told: Told = silent
    ) -> None:
        self._spool, self.most = spool, place.most - OVER
        self._disk = SegmentWriter(spool.segments.folder, vault, disk_free=disk_free)
        self._told, self._said = told, ""
        self._line, self._behind = Line(place, key), Line(place, key)
        self._asked, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="limner-kafka", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        """Bytes in the spool's open segment."""
        return self._disk.size

    def write(self, envelopes: Sequence[bytes], unpacked: int = 0) -> None:
        """Send packed envelopes, or spool what the brokers do not say they have. Raises Full when the disk is, too."""
        self._asked.wait(PATIENCE)
        is_tried = self._line.is_up
        ends = dict(self._line.ends)
        left = self._line.send(envelopes)
        if not left:
            return
        if is_tried:  # some of it may stand in the topic all the same: a segment of its own says so
            self._say(self._line.away())
            self._disk.close_segment()
            self._spool.mark_tried(Segment(self._disk.part.name, self._disk.number + 1), ends)
        self._disk.write(left, unpacked)
        if is_tried:
            self._disk.close_segment()

    def close_segment(self) -> None:
        """Let what was spooled be forwarded."""
        self._disk.close_segment()

    def close(self) -> None:
        """Let go of the brokers and of the spool; what is left there is forwarded by the next process."""
        self._over.set()
        self._thread.join()
        self._disk.close()
        self._line.drop()
        self._behind.drop()

    def _work(self) -> None:
        failures = 0
        while not self._over.is_set():
            try:
                self._look()
                failures = 0
                self._say(None)
            except (LimnerError, OSError) as error:  # what is to be forwarded stays where it is
                failures += 1
                self._say(error if isinstance(error, LimnerError) else None)
            self._asked.set()
            self._over.wait(min(LOOK * 2**failures, LONGEST))

    def _say(self, news: LimnerError | None) -> None:
        """Tell what is new: that something has gone wrong, another thing, or nothing any more."""
        code = news.code if news is not None else ""
        if code != self._said:
            self._said = code
            self._told(news)

    def _look(self) -> None:
        """Call the brokers where they went away, and forward. Raises what keeps that from going well."""
        if not self._line.is_up:
            self._line.connect()
        if self._spool.has_any():
            if not self._behind.is_up:
                self._behind.connect()
            self._spool.forward(self._behind, self._disk.part.name, is_over=self._over.is_set)
