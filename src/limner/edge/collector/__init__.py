"""The collector: what clients send live, on the disk before they are answered."""

from limner.edge.collector.application import Collector

__all__ = ["Collector"]
