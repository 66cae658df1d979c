"""And, Or and Not over sets of packed bits, a block at a time.

What a rule of many conditions costs is reading its sets from memory once: a block of all of them, and of what is being
made of them, stays in the cache nearest to the processor until the block is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from limner.core.rule.tree import And, Not, Or, Rule
from limner.store.gallery.bits import Words

BLOCK: Final = 8192
"""Words of 64 customers in a block: 64 KiB, of which a few fit into the cache of one core."""


def joined(rule: Rule, sets: Mapping[Rule, Words], living: Words) -> Words:
    """The living customers a rule holds for; `sets` are those of its leaves, each as long as `living`.

    >>> from limner.core.rule.tree import Has
    >>> a, b = Has("a"), Has("b")
    >>> sets = {a: np.array([0b0011], np.uint64), b: np.array([0b0101], np.uint64)}
    >>> joined(Or((a, Not(b))), sets, np.array([0b0111], np.uint64)).tolist()
    [3]
    """
    found = np.empty_like(living)
    for start in range(0, living.size, BLOCK):
        here = slice(start, start + BLOCK)
        np.bitwise_and(_part(rule, sets, here), living[here], out=found[here])
    return found


def _part(rule: Rule, sets: Mapping[Rule, Words], here: slice) -> Words:
    """A block of a rule's set, before who lives is asked: a Not holds for the dead too. The sets are not written to:
    a block made here owns its words, a block of theirs does not."""
    match rule:
        case And(parts) | Or(parts):
            join = np.bitwise_and if isinstance(rule, And) else np.bitwise_or
            found = _part(parts[0], sets, here)
            for part in parts[1:]:
                found = join(found, _part(part, sets, here), out=found if found.flags.owndata else None)
            return found
        case Not(part):
            return np.bitwise_not(_part(part, sets, here))
        case _:
            return sets[rule][here]
