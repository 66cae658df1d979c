"""Who is one customer, out of pairs: guards, change of hands, contradictions, size. Pure arrays; no store, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from limner.flow.identity.base import ALIKE, MATCHERS, STRONG, Codes, Flags, Ints, Pairs, Seen
from limner.flow.identity.hands import Sightings, current
from limner.flow.identity.separate import Firsts, Marks, marks_of, separated
from limner.maths.components import components
from limner.maths.lookup import lookup

if TYPE_CHECKING:
    from limner.core.settings import IdentitySettings

REASONS: Final = ("changed_hands", "hub", "platform", "apart", "authoritative", "verified", "too_large")
"""Why a pair joins nobody; their place is the code arrays hold."""
MOVED, HUB, PLATFORM, APART, ISSUED, VERIFIED, LARGE = range(len(REASONS))


@dataclass(frozen=True, slots=True)
class Cuts:
    """Pairs that join nobody and why: shape (k,) each. Of a hub, `place` is the hub."""

    place: Ints
    beside: Ints
    reason: Codes


@dataclass(frozen=True, slots=True)
class Evidence:
    """What else is known beside the pairs: when they were seen, what an operator has set apart, what was accepted as
    alike."""

    sightings: Sightings
    firsts: Firsts
    apart: Marks
    alike: Pairs


@dataclass(frozen=True, slots=True)
class Joined:
    """The label of each place's customer, and of all that records lead to (both: the smallest place); what was cut."""

    label: Ints
    part: Ints
    cuts: Cuts


def join(
    seen: Seen, together: Pairs, limits: IdentitySettings, evidence: Evidence, inside: Flags | None = None
) -> Joined:
    """The customers that pairs make. Nobody seen: empty arrays.

    `inside` marks the places whose pairs are all here; what lies between one of them and another is left as it was.
    """
    cut: list[tuple[Pairs, int]] = []
    kept = current(seen, together, evidence.sightings, limits.rest_days)
    pairs = _without(together, kept, MOVED, cut)
    is_hub = np.zeros(seen.trace.size, np.bool_)
    for _, matcher in MATCHERS:
        proposal = matcher(seen, pairs, limits)
        is_hub[proposal.hubs] = True
        pairs = _without(pairs, proposal.kept, HUB, cut)
    if inside is not None:
        pairs = pairs.chosen(inside[pairs.low] & inside[pairs.high])
    strength = seen.strength
    ground = np.maximum(strength[pairs.low], strength[pairs.high])
    alike = _alike(seen, pairs, is_hub, evidence.alike, cut)
    pairs = Pairs(np.concatenate([pairs.low, alike.low]), np.concatenate([pairs.high, alike.high]))
    ground = np.concatenate([ground, np.full(alike.low.size, ALIKE, np.int8)])
    part = components(seen.trace.size, pairs.low, pairs.high)
    pairs, ground, parted = _parted(seen, pairs, ground, part, evidence)
    cut += parted
    label = components(seen.trace.size, pairs.low, pairs.high) if parted else part
    label = _of_size(seen, pairs, ground, label, limits, cut)
    return Joined(label, part, _cuts(cut, is_hub, inside))


def _without(pairs: Pairs, kept: Flags, reason: int, cut: list[tuple[Pairs, int]]) -> Pairs:
    if kept.all():
        return pairs
    cut.append((pairs.chosen(~kept), reason))
    return pairs.chosen(kept)


def _alike(seen: Seen, pairs: Pairs, is_hub: Flags, alike: Pairs, cut: list[tuple[Pairs, int]]) -> Pairs:
    """The accepted pairs that may join: of identifiers seen, that no platform gave and that are not shared by many."""
    alike = alike.chosen(seen.is_seen[alike.low] & seen.is_seen[alike.high])
    platform = seen.where("is_platform")
    alike = _without(alike, ~(platform[alike.low] | platform[alike.high]), PLATFORM, cut)
    alike = _without(alike, ~(is_hub[alike.low] | is_hub[alike.high]), HUB, cut)
    if not alike.low.size:
        return alike
    known = np.sort(pairs.low.astype(np.int64) << 32 | pairs.high)
    return alike.chosen(~lookup(known, alike.low.astype(np.int64) << 32 | alike.high)[1])


def _parted(
    seen: Seen, pairs: Pairs, ground: Codes, part: Ints, evidence: Evidence
) -> tuple[Pairs, Codes, list[tuple[Pairs, int]]]:
    """The pairs without those that bring a contradiction together."""
    why = separated(seen, pairs, ground, part, marks_of(seen) + evidence.apart, evidence.firsts)
    if not why.any():
        return pairs, ground, []
    cut = []
    for reason, mask in ((APART, why > 0), *_by_kind(seen, why)):
        if mask.any():
            cut.append((pairs.chosen(mask), reason))
    return pairs.chosen(why == 0), ground[why == 0], cut


def _by_kind(seen: Seen, why: np.ndarray) -> list[tuple[int, Flags]]:
    issued = [-1 - code for code, kind in enumerate(seen.kinds) if kind.strength == "authoritative"]
    is_issued = np.isin(why, issued)
    return [(ISSUED, is_issued), (VERIFIED, (why < 0) & ~is_issued)]


def _of_size(
    seen: Seen, pairs: Pairs, ground: Codes, label: Ints, limits: IdentitySettings, cut: list[tuple[Pairs, int]]
) -> Ints:
    """The labels when no customer may have more identifiers than allowed.

    In a customer that is too large only pairs of two strong identifiers stay; one that is still too large falls apart.
    """
    while True:
        is_large = np.bincount(label[seen.is_seen], minlength=1) > limits.identifiers_per_customer
        if not is_large.any():
            return label
        in_large = is_large[label[pairs.low]]
        strong = ground <= STRONG
        kept = ~in_large | strong if (in_large & ~strong).any() else ~in_large
        cut.append((pairs.chosen(~kept), LARGE))
        pairs, ground = pairs.chosen(kept), ground[kept]
        label = components(seen.trace.size, pairs.low, pairs.high)


def _cuts(cut: list[tuple[Pairs, int]], is_hub: Flags, inside: Flags | None) -> Cuts:
    """The rows of all cuts, hubs first in theirs; a pair of two hubs stands twice."""
    none = np.empty(0, np.int32)
    rows: list[tuple[Ints, Ints, int]] = [(none, none, MOVED)]
    for whole, reason in cut:
        pairs = whole if inside is None else whole.chosen(inside[whole.low] & inside[whole.high])
        if reason != HUB:
            rows.append((pairs.low, pairs.high, reason))
            continue
        for ends, others in ((pairs.low, pairs.high), (pairs.high, pairs.low)):
            rows.append((ends[is_hub[ends]], others[is_hub[ends]], reason))
    reasons = [np.full(place.size, reason, np.int8) for place, _, reason in rows]
    return Cuts(
        np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows]), np.concatenate(reasons)
    )
