"""What a stream is, whoever keeps it: acknowledged requests, in the order they came, until they are drained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from limner.core.errors import LimnerError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.store.stream.envelope import Envelope


Told: TypeAlias = Callable[[LimnerError | None], object]


def silent(_news: LimnerError | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A stretch of one part of the stream: a file by its number, or messages of a Kafka partition from `number` to
    `last`."""

    part: str
    number: int
    last: int = 0

    @property
    def name(self) -> str:
        """Its name within the stream.

        >>> Segment("host-0", 7).name, Segment("clicks/3", 100, 219).name
        ('host-0/000000000007', 'clicks/3/100-219')
        """
        return f"{self.part}/{self.number}-{self.last}" if "/" in self.part else f"{self.part}/{self.number:012d}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits to be drained: the oldest segments that fit together, how many are left behind them, and how many
    messages went away before anybody drained them."""

    segments: tuple[Segment, ...] = ()
    left: int = 0
    gone: int = 0


class Writer(Protocol):
    """Takes packed envelopes for one process; for one thread."""

    @property
    def most(self) -> int:
        """Bytes of the largest envelope it takes."""
        ...

    @property
    def size(self) -> int:
        """Bytes in the open segment of the disk; 0 when it holds nothing."""
        ...

    def write(self, envelopes: Sequence[bytes], unpacked: int = 0) -> None:
        """Keep packed envelopes; when it returns they outlive this process and this machine's power.

        `unpacked` is how many bytes their bodies unpack to, where they are packed. Raises Full or Broken, and then
        nobody may be told that they were taken.
        """
        ...

    def close_segment(self) -> None:
        """Let what was written be drained."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Stream(Protocol):
    """The stream, to be read by whoever drains it. It does not forget what was not said to be drained."""

    def has_work(self) -> bool:
        """Whether anything may wait to be drained; asked every second."""
        ...

    def waiting(self, most: int) -> Waiting:
        """The oldest segments that together hold no more than `most` bytes, one at least where any wait."""
        ...

    def read(self, segment: Segment) -> Iterator[Envelope]:
        """The envelopes of a segment, the same every time."""
        ...

    def passed(self, connection: Connection, segments: Sequence[Segment]) -> None:
        """Note that segments are in the lake, within a write of the ledger."""
        ...

    def drained(self, segments: Sequence[Segment]) -> None:
        """Act on what was noted; asked twice it changes nothing."""
        ...

    def recent(self) -> Iterator[Envelope]:
        """The newest that is still there, drained or not, oldest first."""
        ...

    def sweep(self, before: float, most: int = 0) -> int:
        """Delete drained segments that were written before a moment (seconds of the clock), and the oldest of more
        than `most` bytes; how many went."""
        ...

    def elsewhere(self) -> str:
        """Where requests that are drained still lie and cannot be deleted from here; empty when nowhere."""
        ...

    def writer(self, *, disk_free: int = 0, told: Told = silent) -> Writer:
        """A writer of this process. `disk_free` is the MiB of the disk that must stay free; `told` hears, from any
        thread, that what the stream stands on has gone away (why), and that it is back (None)."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
