"""The contract of a matcher: out of identifiers that stood in one record it proposes which to join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt

from limner.core.kinds import STRENGTHS, IdentifierKind
from limner.core.registry import Registry

if TYPE_CHECKING:
    from limner.core.settings import IdentitySettings

Ints = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

AUTHORITATIVE, STRONG, WEAK, DEVICE, NEVER = range(len(STRENGTHS))
ALIKE: Final = len(STRENGTHS)
"""The weakest ground for a pair: likeness, which somebody or some threshold accepted."""
NOT_SEEN: Final = -1


@dataclass(frozen=True, slots=True)
class Seen:
    """The identifiers known at an asof, one place per trace in ascending order: shape (n,) each.

    `kind` is a code into `kinds`; `NOT_SEEN` marks a trace without a record before the asof, and one that is never a
    ground for a link.
    """

    trace: Ints
    kind: npt.NDArray[np.int16]
    kinds: tuple[IdentifierKind, ...]

    def where(self, names: str) -> Flags:
        """Per place, whether a yes-or-no property of its kind holds; no for what is not seen."""
        return np.asarray([*(bool(getattr(kind, names)) for kind in self.kinds), False], np.bool_)[self.kind]

    @property
    def strength(self) -> Codes:
        """Per place, the code of its trust class; `NEVER` for what is not seen."""
        codes = [*(STRENGTHS.index(kind.strength) for kind in self.kinds), NEVER]
        return np.asarray(codes, np.int8)[self.kind]

    @property
    def is_seen(self) -> Flags:
        """Per place, whether it was seen."""
        return np.asarray(self.kind != NOT_SEEN)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of places that stood in one record: shape (m,) each, `low` < `high`, no pair twice."""

    low: Ints
    high: Ints

    def chosen(self, mask: Flags | npt.NDArray[np.signedinteger]) -> Pairs:
        """Those of a mask, or at these turns."""
        return Pairs(self.low[mask], self.high[mask])


@dataclass(frozen=True, slots=True)
class Proposal:
    """Which pairs to join, shape (m,), and the places that were cut off because too many customers share them."""

    kept: Flags
    hubs: Ints


class Matcher(Protocol):
    """Proposes which pairs to join. What it says of a pair follows from the pairs of its two ends and nothing else:
    so the customers that new records do not touch need not be looked at again."""

    def __call__(self, seen: Seen, together: Pairs, limits: IdentitySettings) -> Proposal:
        """The pairs to join out of those that stood together."""
        ...


MATCHERS: Registry[Matcher] = Registry("matcher", "limner.flow.identity", "limner.matchers")
matcher = MATCHERS.kind
