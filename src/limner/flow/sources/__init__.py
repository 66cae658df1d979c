"""Sources: files in, facts out; every row accounted for."""

from limner.flow.sources.collect import Collected, collect
from limner.flow.sources.holding import Dropped, Released, Withdrawn, drop, release, withdraw
from limner.flow.sources.loads import Load, list_loads

__all__ = [
    "Collected",
    "Dropped",
    "Load",
    "Released",
    "Withdrawn",
    "collect",
    "drop",
    "list_loads",
    "release",
    "withdraw",
]
