"""The selector `rule`: whoever the audience's rule holds for."""

from __future__ import annotations

from pyroaring import BitMap

from limner.core.ours import Audience
from limner.flow.audiences.base import Ground, rule_of, selector
from limner.store.gallery.bits import to_bitmap


@selector("rule")
def by_rule(audience: Audience, ground: Ground) -> BitMap:
    """Whoever the rule holds for."""
    return to_bitmap(ground.words(rule_of(audience, ground.lexicon)))
