"""The stream in a Kafka topic: several collectors write it, whoever holds the keeper's lease drains it."""

from limner.store.stream.kafka.place import Place, place_of
from limner.store.stream.kafka.topic import Topic

__all__ = ["Place", "Topic", "place_of"]
