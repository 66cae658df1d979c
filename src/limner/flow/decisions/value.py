"""The ranker that reads an offer's worth from the column it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from limner.flow.decisions.base import ranker
from limner.flow.decisions.facts import worth_of

if TYPE_CHECKING:
    from limner.core.ours import Offer
    from limner.store.gallery import Version

Ints = npt.NDArray[np.int64]


@ranker("value")
def by_value(offer: Offer, numbers: Ints, version: Version) -> Ints:
    """The column the offer's `value` names; nobody is worth more than another when it names none."""
    return worth_of(version, offer.value, numbers)
