"""The selector `everyone`: all living customers, or with `identified: true` those known by name."""

from __future__ import annotations

from pyroaring import BitMap

from limner.core.ours import Audience
from limner.core.rule import Has
from limner.flow.audiences.base import Ground, selector
from limner.flow.audiences.options import bad
from limner.store.gallery.bits import to_bitmap


@selector("everyone")
def everyone(audience: Audience, ground: Ground) -> BitMap:
    """All living customers of the version; with the option `identified`, only those who are not anonymous."""
    for option, value in audience.options.items():
        if option != "identified" or not isinstance(value, bool):
            raise bad(audience, option, value, "true or false, under the name identified")
    if audience.options.get("identified"):
        return to_bitmap(ground.words(Has("is_identified")))
    return ground.version.living
