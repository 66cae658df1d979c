"""A line to the brokers: messages sent and known to be there, and a look at what is there already."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from limner.core.errors import Broken, words
from limner.store.stream.kafka.place import WAIT, Place, client, told_of
from limner.store.stream.kafka.seal import Sealer

NO_TOPIC = words(
    "kafka_topic_missing",
    "There is no topic {topic} at {servers}. Make it, with as many partitions as it shall have for good, "
    "cleanup.policy delete, and a retention of a few days.",
)
PATIENCE: Final = 3.0
"""Seconds for which the brokers may take their time with messages; then they are away."""

_AT_ONCE: Final = 2000
_TICK: Final = 0.05


class Line:
    """Messages to a topic, for one thread. It is up from `connect` until brokers take longer than `PATIENCE`."""

    def __init__(self, place: Place, key: bytes) -> None:
        self.place = place
        self._sealer = Sealer(key)
        self._producer: Any = None
        self._why = ""
        self.ends: dict[int, int] = {}

    @property
    def is_up(self) -> bool:
        """Whether messages can be sent."""
        return self._producer is not None

    def mark(self, envelope: bytes) -> bytes:
        """What a packed envelope is known by in the topic."""
        return self._sealer.mark(envelope)

    def connect(self) -> None:
        """Ask for the topic, and where its partitions end now. Raises Broken when nobody answers."""
        consumer = self.place.consumer()
        try:
            self.ends = {number: high for number, (_, high) in bounds(self.place, consumer).items()}
        finally:
            consumer.close()
        self._producer = self.place.producer()

    def send(self, envelopes: Sequence[bytes], patience: float = PATIENCE) -> Sequence[bytes]:
        """Send packed envelopes and wait until they are there; those of which that is not known.

        When there are any the line is down: some may be there all the same, none will come later from this line.
        """
        if self._producer is None:
            return envelopes
        unsaid: dict[int, bytes] = dict(enumerate(envelopes))
        refused, self._why = 0, f"no answer for {patience:.0f} s"

        def heard(turn: int, error: Any, message: Any) -> None:
            nonlocal refused
            if error is not None:
                refused += 1
                if self._producer is not None:
                    self._why = told_of(error)
                return
            unsaid.pop(turn, None)
            number = message.partition()
            self.ends[number] = max(self.ends.get(number, 0), message.offset() + 1)

        until = time.monotonic() + patience
        if self._begun(envelopes, heard, until):
            while len(unsaid) > refused and time.monotonic() < until:
                self._producer.poll(_TICK)
        if unsaid:
            self.drop()
        return list(unsaid.values())

    def _begun(self, envelopes: Sequence[bytes], heard: Any, until: float) -> bool:
        from functools import partial

        for turn, envelope in enumerate(envelopes):
            value, mark = self._sealer.seal(envelope), self.mark(envelope)
            while True:
                try:
                    self._producer.produce(self.place.topic, value, mark, on_delivery=partial(heard, turn))
                    break
                except BufferError:
                    self._producer.poll(_TICK)
                except client().KafkaException as error:
                    self._why = told_of(error)
                    return False
                if time.monotonic() > until:
                    return False
        return True

    def away(self) -> Broken:
        """Why the line went down."""
        return self.place.away(ConnectionError(self._why))

    def drop(self) -> None:
        """Let go of the brokers; what is under way is not sent again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True, blocking=False)
            producer.poll(0)

    def there(self, since: Mapping[int, int], marks: Collection[bytes]) -> set[bytes]:
        """Which of the marks stand in the topic, from these offsets on to its end now."""
        wanted, found = frozenset(marks), set()
        consumer = self.place.consumer()
        try:
            spans = {}
            for number, (low, high) in bounds(self.place, consumer).items():
                first = max(low, since.get(number, 0))
                if first < high:
                    spans[number] = (first, high)
            for message in read_spans(self.place, consumer, spans):
                if message.key() in wanted:
                    found.add(message.key())
        finally:
            consumer.close()
        return found


def bounds(place: Place, consumer: Any) -> dict[int, tuple[int, int]]:
    """The first offset and the one after the last of each partition. Raises Broken when nobody answers."""
    kafka = client()
    try:
        told = consumer.list_topics(place.topic, timeout=WAIT).topics[place.topic]
        if told.error is not None and told.error.code() == kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise Broken(NO_TOPIC, topic=place.topic, servers=place.servers)
        if told.error is not None:
            raise kafka.KafkaException(told.error)
        found = {}
        for number in sorted(told.partitions):
            one = kafka.TopicPartition(place.topic, number)
            found[number] = consumer.get_watermark_offsets(one, timeout=WAIT, cached=False)
    except kafka.KafkaException as error:
        consumer.poll(0)  # what went wrong is told there
        raise place.away(error) from error
    place.trouble.clear()
    return found


def read_spans(place: Place, consumer: Any, spans: Mapping[int, tuple[int, int]]) -> Iterator[Any]:
    """The messages of partitions from an offset up to another, as they come; those that went away meanwhile are left
    out. Raises Broken when nothing comes."""
    if not spans:
        return
    kafka = client()
    consumer.assign([kafka.TopicPartition(place.topic, number, first) for number, (first, _) in spans.items()])
    try:
        yield from _arriving(place, consumer, {number: end for number, (_, end) in spans.items()})
    finally:
        consumer.unassign()  # what waits for more to come would hold up the next question


def _arriving(place: Place, consumer: Any, ends: Mapping[int, int]) -> Iterator[Any]:
    kafka = client()
    over = (kafka.KafkaError._PARTITION_EOF, kafka.KafkaError._AUTO_OFFSET_RESET, kafka.KafkaError.OFFSET_OUT_OF_RANGE)
    left, last = dict(ends), time.monotonic()
    while left:
        for message in consumer.consume(_AT_ONCE, _TICK):
            last, number = time.monotonic(), message.partition()
            error = message.error()
            if error is not None and error.code() not in over:
                raise place.away(kafka.KafkaException(error))
            if number not in left:
                continue
            end = left[number]
            if error is None and message.offset() < end:
                yield message
            if error is not None or message.offset() >= end - 1:
                del left[number]
        if time.monotonic() - last > 2 * WAIT:
            raise place.away(TimeoutError(f"nothing came for {2 * WAIT:.0f} s"))
