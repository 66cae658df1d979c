"""The selector `pairing`: customers who bought some things and not yet the one that goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyroaring import BitMap

from limner.core.ours import Audience
from limner.flow.audiences.base import Ground, Reads, selector
from limner.flow.audiences.paired import asked_of, next_buyers

if TYPE_CHECKING:
    from limner.core.rule import Lexicon
    from limner.store.definitions import Definitions


class NextBuyers:
    """Whoever bought the items of a pairing, and lacks the one that goes with them."""

    def __call__(self, audience: Audience, ground: Ground) -> BitMap:
        """Whoever is next."""
        return next_buyers(audience, ground)

    def reads(self, audience: Audience, definitions: Definitions, lexicon: Lexicon) -> Reads:
        """No columns: it reads orders. Options that cannot be used are a BadDefinition."""
        asked_of(audience)
        return Reads()


selector("pairing")(NextBuyers())
