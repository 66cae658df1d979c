"""The contract of a tuner: it reads what was measured and proposes new values of settings.

The station closes the circle: what it writes is one row of `settings` per value, which tomorrow's `decide` reads. A
setting may be tuned only where a Policy declares bounds for it, and a proposal outside them is cut to the nearer bound,
with a note. A tuner never touches a Policy, an offer or a running plan, and it keeps an exploring share, so that no arm
starves for good.

There is no verb yet: no tuner ships, and `improve` stands at no door until one does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol

from limner.core.registry import Registry

if TYPE_CHECKING:
    import numpy as np

    from limner.store.stores import Stores


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which values a setting may be tuned; both ends are allowed."""

    low: float
    high: float

    def cut(self, value: float) -> float:
        """The value, or the nearer bound.

        >>> Bounds(0.05, 0.2).cut(0.3)
        0.2
        """
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A new value of a setting: what it was, what it shall be, why, and on how many outcomes that rests."""

    setting: str
    before: float
    after: float
    reason: str
    outcomes: int


class Tuner(Protocol):
    """Learns settings from results, decisions and outcomes. `settings` names those it proposes values for."""

    settings: ClassVar[tuple[str, ...]]

    def improve(
        self, stores: Stores, bounds: Mapping[str, Bounds], *, asof: datetime, rng: np.random.Generator
    ) -> Sequence[Proposal]:
        """Proposals within the bounds, from what was known at `asof`; none when the data do not carry one."""
        ...


TUNERS: Registry[type[Tuner]] = Registry("tuner", "limner.flow.tuning", "limner.tuners")
tuner = TUNERS.kind
