"""Journeys: graphs that customers walk. They only wish; the gate grants."""

from limner.flow.journeys.advance import advance

__all__ = ["advance"]
