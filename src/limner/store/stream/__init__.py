"""The stream: what was acknowledged and is not in the lake yet, in segment files."""

from limner.store.stream.envelope import Envelope
from limner.store.stream.segments import Segment, Stream
from limner.store.stream.writer import Writer

__all__ = ["Envelope", "Segment", "Stream", "Writer"]
