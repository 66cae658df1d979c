"""The contract of a matcher: it proposes pairs of identifiers that belong to one customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from limner.core.registry import Registry

if TYPE_CHECKING:
    from limner.core.settings import IdentitySettings

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Seen:
    """The identifiers known at an asof, one entry per trace: shape (n,) each, sorted by trace.

    `kind` is a code into `kinds`; `strength` is 0 strong, 1 weak, 2 device, 3 never.
    """

    trace: Ints
    kind: Ints
    strength: npt.NDArray[np.int8]
    kinds: tuple[str, ...]

    def places(self, traces: Ints) -> Ints:
        """Where these traces stand, all of which are here."""
        place = np.empty(int(self.trace[-1]) + 1 if self.trace.size else 0, np.int32)
        place[self.trace] = np.arange(self.trace.size, dtype=np.int32)
        return place[traces]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of traces that stood in one record: shape (m,) each, `low` < `high`, no pair twice."""

    low: Ints
    high: Ints


@dataclass(frozen=True, slots=True)
class Proposal:
    """The pairs to join, and the traces that were cut off because too many customers share them."""

    pairs: Pairs
    hubs: Ints


class Matcher(Protocol):
    """Proposes which pairs to join."""

    def __call__(self, seen: Seen, together: Pairs, limits: IdentitySettings) -> Proposal:
        """The pairs to join out of those that stood together."""
        ...


MATCHERS: Registry[Matcher] = Registry("matcher", "limner.flow.identity", "limner.matchers")
matcher = MATCHERS.kind
