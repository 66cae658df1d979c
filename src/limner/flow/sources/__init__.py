"""Sources: files in, facts out."""

from limner.flow.sources.collect import Collected, collect
from limner.flow.sources.loads import Load, Withdrawn, list_loads, withdraw

__all__ = ["Collected", "Load", "Withdrawn", "collect", "list_loads", "withdraw"]
