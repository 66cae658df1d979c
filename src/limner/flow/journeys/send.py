"""The send node: every member wishes for a touch, and waits for the gate's answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from limner.flow.journeys.base import Routed, node

if TYPE_CHECKING:
    from pyroaring import BitMap


@node("send")
@dataclass(frozen=True, slots=True)
class Send:
    """Wish for a touch for each member. The gate answers; a message node has an edge for each answer."""

    edges: ClassVar[tuple[str, ...]] = ("sent", "refused", "expired")

    def route(self, members: BitMap, now: datetime) -> Routed:
        """All members wish; the edge they take is the gate's answer, so nobody moves here."""
        return Routed({}, members)
