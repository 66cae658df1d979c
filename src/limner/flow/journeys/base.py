"""The contract of a node: a frozen dataclass whose `route` splits a set of entries over its edges, and may wish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

from limner.core.registry import Registry

if TYPE_CHECKING:
    from pyroaring import BitMap


@dataclass(frozen=True, slots=True)
class Routed:
    """Where the members of a node go: edge → members, sets that do not overlap and leave nobody out; and who wishes."""

    edges: Mapping[str, BitMap]
    wishing: BitMap


class Node(Protocol):
    """One step of a journey. It never sees a single customer, only sets; it reads no limit and sends nothing."""

    edges: ClassVar[tuple[str, ...]]

    def route(self, members: BitMap, now: datetime) -> Routed:
        """Split the members that are due."""
        ...


NODES: Registry[type[Node]] = Registry("journey node", "limner.flow.journeys", "limner.nodes")
node = NODES.kind
