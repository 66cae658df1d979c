"""Days of live sources: what is over is judged as a whole, and who has fallen silent is noticed, whatever comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from limner.core.errors import Busy, LimnerError
from limner.flow.sources.live.settling import has_work, settle_days

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.sources.quality.judged import Judged

LOOK: Final = 60.0
"""Seconds between two looks at the days of live sources."""


def judge_days(shop: Workspace) -> tuple[Judged, ...]:
    """Judge the days of live sources that are over. Raises Busy while another process is at work in the lake."""
    now = shop.clock()
    shop.declare()
    if not has_work(shop.stores, shop.definitions, now):
        return ()
    with shop.keeper(now, "drain"):
        return settle_days(shop.stores, shop.definitions, who=shop.who, now=now)


@dataclass(slots=True)
class Listening:
    """Looks at the days from time to time."""

    shop: Workspace
    again_at: float = 0.0

    def look(self, say: Callable[[LimnerError], None], at: float) -> None:
        """Judge what is due, when it is time to; while another process is at work, a little later."""
        if at < self.again_at:
            return
        self.again_at = at + LOOK
        try:
            judge_days(self.shop)
        except Busy:
            self.again_at = at + 1.0
        except LimnerError as error:
            say(error)
