"""The selector `clusters`: customers that are alike in some columns, one audience a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyroaring import BitMap

from limner.core.ours import Audience
from limner.flow.audiences.base import Ground, Reads, selector
from limner.flow.audiences.clustering import members, reads_of
from limner.store.gallery.bits import pack, to_bitmap

if TYPE_CHECKING:
    from limner.core.rule import Lexicon
    from limner.store.definitions import Definitions


class InCluster:
    """Whoever is in the cluster an audience names, or in any of its clusters."""

    def __call__(self, audience: Audience, ground: Ground) -> BitMap:
        """Whoever is in it."""
        return to_bitmap(pack(members(audience, ground)))

    def reads(self, audience: Audience, definitions: Definitions, lexicon: Lexicon) -> Reads:
        """The columns and the audience clusters are made of."""
        return reads_of(audience, definitions, lexicon)


selector("clusters")(InCluster())
