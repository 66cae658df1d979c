"""The contract of a ranker: it says how much a touch with an offer is worth for each customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from limner.core.registry import Registry

if TYPE_CHECKING:
    from limner.core.ours import Offer
    from limner.store.gallery import Version

Ints = npt.NDArray[np.int64]


class Ranker(Protocol):
    """Worth of an offer per customer, in ten-thousandths of the currency."""

    def __call__(self, offer: Offer, numbers: Ints, version: Version) -> Ints:
        """Shape (n,) for n customer numbers; unknown counts as zero."""
        ...


RANKERS: Registry[Ranker] = Registry("ranker", "limner.flow.decisions", "limner.rankers")
ranker = RANKERS.kind
