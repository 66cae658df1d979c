"""The contract of a matcher on traits: records in, scored pairs out. It proposes; nothing is joined here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from limner.core.registry import Registry
from limner.core.tell import Tell, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from limner.flow.identity.definition import Matching
    from limner.store.stores import Stores

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Records:
    """What is compared, one row per customer: its smallest trace, and one column of texts per role, null: unknown.

    `trace` is ascending, without repeats, and never compared. A text that begins with # is the keyed hash of an
    identifier: it is the same as another or it is not.
    """

    trace: npt.NDArray[np.int32]
    columns: Mapping[str, pa.Array]


@dataclass(frozen=True, slots=True)
class Scored:
    """Pairs of rows of the records, shape (p,) each: `low` < `high`, no pair twice, in order of both.

    `level` has a column per comparison, −1 unknown, named by `comparisons`; `words` names the levels of each; `bits` is
    what each weighs. `owner` is a code per record of an identity card that is certainly its own, −1 where unknown: two
    records with different ones are never one person. `compared` counts the pairs looked at, `crowded` the keys left
    out because too many records share them.
    """

    low: Ints
    high: Ints
    probability: Floats
    comparisons: tuple[str, ...] = ()
    words: tuple[tuple[str, ...], ...] = ()
    level: npt.NDArray[np.int8] = field(default_factory=lambda: np.empty((0, 0), np.int8))
    bits: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    owner: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    compared: int = 0
    crowded: int = 0
    unused: tuple[str, ...] = ()

    def evidence(self, row: int) -> dict[str, list[object]]:
        """Why a pair was scored as it was: comparison → level in words and bits; what is unknown is left out."""
        return {
            name: [self.words[k][self.level[row, k]], round(float(self.bits[row, k]), 1)]
            for k, name in enumerate(self.comparisons)
            if self.level[row, k] >= 0
        }


@dataclass(frozen=True, slots=True)
class Ground:
    """What a matcher may ask besides the records: the stores, through the links of what records say, at an asof."""

    stores: Stores
    links: str
    asof: datetime


class TraitMatcher(Protocol):
    """Scores pairs of records. `ground` is None where there is no workspace, as in a benchmark."""

    def __call__(
        self,
        records: Records,
        matching: Matching,
        *,
        rng: np.random.Generator,
        ground: Ground | None = None,
        tell: Tell = silent,
    ) -> Scored:
        """The pairs scored at `propose_above` or more. The same records in any order, with the same rng, score the
        same."""
        ...


TRAIT_MATCHERS: Registry[TraitMatcher] = Registry("matcher", "limner.flow.identity.matching", "limner.trait_matchers")
trait_matcher = TRAIT_MATCHERS.kind
