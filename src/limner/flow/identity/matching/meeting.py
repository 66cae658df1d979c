"""Where records meet: blocking rules, those of a matching or the ones that suit most files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from limner.flow.identity.definition import RULES
from limner.flow.identity.matching.base import Ints
from limner.maths.blocks import cost, meet, together
from limner.maths.distinct import distinct

PAIRS_PER_RECORD: Final = 6
_ALWAYS: Final = 400_000
"""Pairs a rule may always cost: a small file is compared nearly whole."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """All pairs that met by any rule, once each; the rules used with their keys, those left out as too wide, and how
    many keys were too crowded."""

    low: Ints
    high: Ints
    rules: Mapping[tuple[str, ...], Ints]
    unused: tuple[str, ...]
    crowded: int


def meeting(stated: Sequence[Sequence[str]], keys: Mapping[str, Ints], *, rows: int, crowd: int) -> Meeting:
    """Which pairs of records to compare. A rule the definition states is always used, crowded keys left out;
    one whose keys nobody has lets nobody meet."""
    wanted = [rule for rule in (tuple(one) for one in stated or RULES) if all(key in keys for key in rule)]
    wanted += [] if stated else [(key,) for key in keys if key.startswith("code:")]
    used: dict[tuple[str, ...], Ints] = {}
    unused, found, crowded = [], [np.empty(0, np.int64)], 0
    most = max(_ALWAYS, PAIRS_PER_RECORD * rows)
    for rule in wanted:
        key = together([keys[part] for part in rule])
        pairs, too_many = cost(key, crowd)
        if not stated and (pairs > most or too_many > (key >= 0).sum() // 1000 + 10):
            unused.append("+".join(rule))
            continue
        met = meet(key, crowd)
        used[rule], crowded = key, crowded + met.crowded
        found.append(met.low << 32 | met.high)
    pair = distinct(np.concatenate(found))
    return Meeting(pair >> 32, pair & ((1 << 32) - 1), used, tuple(unused), crowded)
