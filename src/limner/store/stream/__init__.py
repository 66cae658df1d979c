"""The stream: what was acknowledged and is not in the lake yet, in segment files or a topic of Kafka."""

from limner.store.stream.base import Segment, Stream, Waiting, Writer
from limner.store.stream.envelope import Envelope
from limner.store.stream.segments import Segments
from limner.store.stream.writer import SegmentWriter

__all__ = ["Envelope", "Segment", "SegmentWriter", "Segments", "Stream", "Waiting", "Writer"]
