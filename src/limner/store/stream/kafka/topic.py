"""A topic as a stream: drained from the offsets that the ledger names, whatever the brokers remember.

A segment is a stretch of one partition, from an offset to an offset. How far each partition is drained stands in the
ledger and moves in one transaction with the word that what was read is in the lake.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from limner.core.errors import Broken, LimnerError, words
from limner.store.ledger.tables import positions
from limner.store.stream.base import Segment, Told, Waiting, silent
from limner.store.stream.kafka.line import Line, bounds, read_spans
from limner.store.stream.kafka.place import WAIT, Place, client
from limner.store.stream.kafka.seal import Opener
from limner.store.stream.kafka.spool import Spool
from limner.store.stream.kafka.writer import TopicWriter
from limner.store.stream.segments import Segments

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.store.ledger import Ledger
    from limner.store.stream.base import Writer
    from limner.store.stream.envelope import Envelope
    from limner.store.vault import Vault

STRANGE = words(
    "kafka_message_strange",
    "Message {offset} of {part} does not open with the stream's key. Give back the key it was sealed with ([keys] "
    "stream, or hash where that is empty); or go on without it: delete the partition's records before offset {after}.",
)
SHORTER = words(
    "kafka_topic_shorter",
    "{part} ends at offset {high}, but it is drained up to {done}: it was made anew, or the brokers lost messages. "
    "Name another topic in [stores] stream; nothing is read until then.",
)
NEWEST: Final = 1000
"""Messages of each partition that are looked at for what came last."""


class Topic:
    """The stream in a topic, and the spool beside it. For the one thread that drains; `recent` is for any."""

    def __init__(self, place: Place, key: bytes, ledger: Ledger, vault: Vault, segments: Segments) -> None:
        self._place, self._key, self._ledger, self._vault = place, key, ledger, vault
        self._spool, self._opener = Spool(segments), Opener(key)
        self._open: Any = None
        self._held: dict[Segment, list[Any]] = {}

    @property
    def _consumer(self) -> Any:
        if self._open is None:
            self._open = self._place.consumer()
        return self._open

    def has_work(self) -> bool:
        """Whether anything may wait; brokers that are away are told of by whoever drains."""
        try:
            found = bounds(self._place, self._consumer)
        except LimnerError:
            return True
        done = self._done()
        return self._spool.has_any() or any(
            done.get(self._part(number), low) != high for number, (low, high) in found.items()
        )

    def waiting(self, most: int) -> Waiting:
        """What has come since the ledger's offsets, partition by partition; what waits in a spool that nobody minds is
        forwarded before."""
        self._forward()
        spans, gone = self._spans()
        texts: dict[int, list[Any]] = {number: [] for number in spans}
        size = 0
        self._held.clear()
        for message in read_spans(self._place, self._consumer, spans):
            texts[message.partition()].append(message)
            size += len(message.value() or b"")
            if size >= most:
                break
        found = []
        for number, mine in texts.items():
            if mine:
                found.append(Segment(self._part(number), spans[number][0], mine[-1].offset()))
                self._held[found[-1]] = mine
        left = sum(not mine or mine[-1].offset() < spans[number][1] - 1 for number, mine in texts.items())
        return Waiting(tuple(found), left if found else 0, gone)

    def read(self, segment: Segment) -> Iterator[Envelope]:
        """The envelopes of a stretch, in the order of their offsets. Raises Broken for one that does not open."""
        found = self._held.pop(segment, None)
        if found is None:
            number = int(segment.part.rpartition("/")[2])
            found = list(read_spans(self._place, self._consumer, {number: (segment.number, segment.last + 1)}))
        for message in found:
            envelopes = self._opener.open(message.value())
            if envelopes is None:
                offset = message.offset()
                raise Broken(STRANGE, part=segment.part, offset=offset, after=offset + 1)
            yield from envelopes

    def passed(self, connection: Connection, segments: Sequence[Segment]) -> None:
        """Move the ledger's offsets behind these stretches."""
        row = positions.c
        for segment in segments:
            mine = row.part == segment.part
            known = connection.execute(select(row.upcoming).where(mine)).scalar()
            if known is None:
                connection.execute(insert(positions).values(part=segment.part, upcoming=segment.last + 1))
            elif known <= segment.last:
                connection.execute(update(positions).where(mine).values(upcoming=segment.last + 1))

    def drained(self, segments: Sequence[Segment]) -> None:
        """Tell the brokers how far it went, for whoever watches the lag; nothing goes by it."""
        kafka = client()
        ends = [
            kafka.TopicPartition(self._place.topic, int(one.part.rpartition("/")[2]), one.last + 1) for one in segments
        ]
        try:
            self._consumer.commit(offsets=ends, asynchronous=True)
        except kafka.KafkaException:
            return  # no group may be named, or nobody answers: the ledger knows

    def recent(self) -> Iterator[Envelope]:
        """The newest messages of each partition, and what is spooled on this machine."""
        consumer = self._place.consumer()
        found = list(self._spool.segments.recent())
        try:
            spans = {
                number: (max(low, high - NEWEST), high)
                for number, (low, high) in bounds(self._place, consumer).items()
                if low < high
            }
            for message in read_spans(self._place, consumer, spans):
                found += self._opener.open(message.value()) or ()
        finally:
            consumer.close()
        yield from sorted(found, key=lambda envelope: envelope.received_at)

    def sweep(self, before: float, most: int = 0) -> int:
        """With `before` infinite, ask the brokers to delete what is drained, which they do where they allow it; else
        the topic's retention does. How many partitions were asked for."""
        del most
        done = self._done()
        if before != math.inf or not done:
            return 0
        kafka = client()
        try:
            found = bounds(self._place, self._consumer)
            ends = {number: min(done.get(self._part(number), low), high) for number, (low, high) in found.items()}
            asked = self._place.admin().delete_records(
                [kafka.TopicPartition(self._place.topic, number, end) for number, end in ends.items()],
                request_timeout=WAIT,
            )
            for answer in asked.values():
                answer.result(WAIT)
        except (kafka.KafkaException, LimnerError, TimeoutError):
            return 0
        return len(asked)

    def elsewhere(self) -> str:
        """The topic, while messages lie in it that are drained, or that nobody can say of whether they are."""
        name, done = f"kafka {self._place.servers}/{self._place.topic}", self._done()
        try:
            found = bounds(self._place, self._consumer)
        except LimnerError:
            return name
        return name if any(low < done.get(self._part(number), 0) for number, (low, _) in found.items()) else ""

    def writer(self, *, disk_free: int = 0, told: Told = silent) -> Writer:
        """A writer of this process, with a part of the spool of its own."""
        return TopicWriter(self._place, self._key, self._spool, self._vault, disk_free=disk_free, told=told)

    def close(self) -> None:
        """Let go of the brokers."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _part(self, number: int) -> str:
        return f"{self._place.topic}/{number}"

    def _done(self) -> dict[str, int]:
        """The offset at which each part goes on, as the ledger says."""
        row = positions.c
        with self._ledger.read() as connection:
            return {part: int(upcoming) for part, upcoming in connection.execute(select(row.part, row.upcoming))}

    def _spans(self) -> tuple[dict[int, tuple[int, int]], int]:
        """What is to be read of each partition, and how many messages went away before they were."""
        done, spans, gone = self._done(), {}, 0
        for number, (low, high) in bounds(self._place, self._consumer).items():
            first = done.get(self._part(number), 0)
            if first > high:
                raise Broken(SHORTER, part=self._part(number), high=high, done=first)
            gone += max(0, low - first)
            if max(first, low) < high:
                spans[number] = (max(first, low), high)
        return spans, gone

    def _forward(self) -> None:
        if self._spool.has_any():
            line = Line(self._place, self._key)
            try:
                line.connect()
                self._spool.forward(line)
            finally:
                line.drop()
