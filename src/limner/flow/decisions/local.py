"""The local rules: those that bind one customer at a time. Asked at the grant and again at the hand-over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from limner.core.limits import REASONS
from limner.flow.decisions.taken import Taken, over_cap, too_close

if TYPE_CHECKING:
    from limner.core.ours import Cap, Channel, Policy

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

OPEN = len(REASONS)
"""The stage of a candidate no local rule refuses."""

ADDRESS, CONSENT, CAPS, GAPS, QUIET = (REASONS.index(r) for r in ("address", "consent", "caps", "gaps", "quiet"))


@dataclass(frozen=True, slots=True)
class Asked:
    """One candidate (a channel at a moment) for n customers; moments in µs UTC, -1 where no moment fits the hours."""

    numbers: Ints
    moments: Ints
    has_address: Bools
    has_consent: Bools
    channel: Channel
    message_class: str
    is_rehearsal: bool = False


def stage_of(asked: Asked, policy: Policy, taken: Taken) -> Ints:
    """The first local rule that says no, as its place in `REASONS`, or `OPEN`: shape (n,).

    Transactional messages need an address only: they are owed, and exempt from consent, caps, gaps and quiet hours.
    A rehearsal contacts nobody and is refused by nothing but its window.
    """
    if asked.is_rehearsal:
        return np.where(asked.moments >= 0, OPEN, QUIET)
    stage = np.full(asked.numbers.size, OPEN, np.int64)
    timed = asked.moments >= 0
    stage[~timed] = QUIET
    if asked.message_class != "transactional":
        moments = np.where(timed, asked.moments, 0)
        stage[timed & too_close(asked.numbers, moments, policy.gap, taken)] = GAPS
        for cap in caps_on(policy, asked.channel):
            over = over_cap(asked.numbers, moments, cap, taken, asked.channel.id, asked.message_class)
            stage[timed & over] = CAPS
        stage[~asked.has_consent] = CONSENT
    stage[~asked.has_address] = ADDRESS
    return stage


def caps_on(policy: Policy, channel: Channel) -> tuple[Cap, ...]:
    """The caps of the policy, and the platform's own on this channel."""
    from dataclasses import replace

    return (*policy.caps, *(replace(cap, channels=(channel.id,)) for cap in channel.limits))


def reach(policy: Policy, channels: tuple[Channel, ...]) -> timedelta:
    """How far around a moment other touches can matter."""
    spans = [cap.within for channel in channels for cap in caps_on(policy, channel)]
    return max([policy.gap, *spans])
