"""The selector `look_alike`: customers like those of another audience, the most alike first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyroaring import BitMap

from limner.core.ours import Audience
from limner.flow.audiences.base import Ground, Reads, selector
from limner.flow.audiences.likeness import reads_of, scored
from limner.store.gallery.bits import pack, to_bitmap

if TYPE_CHECKING:
    from limner.core.rule import Lexicon
    from limner.store.definitions import Definitions


class LikeSeeds:
    """Whoever in the pool is most like the seeds, reachable, and neither a seed nor excluded."""

    def __call__(self, audience: Audience, ground: Ground) -> BitMap:
        """Whoever was chosen."""
        return to_bitmap(pack(scored(audience, ground).chosen))

    def reads(self, audience: Audience, definitions: Definitions, lexicon: Lexicon) -> Reads:
        """The columns named, and the audiences of seeds, pool and exclusions."""
        return reads_of(audience, definitions, lexicon)


selector("look_alike")(LikeSeeds())
