"""`advance`: what a journey wishes for now. A campaign's one-step journey is: enter, then send."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, cast

import numpy as np
from pyroaring import BitMap

from limner.core.actor import Actor
from limner.core.errors import BadDefinition, BadInput, words
from limner.core.ours import Campaign, Wishes
from limner.core.spans import parse_instant
from limner.flow.journeys.base import NODES

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW_BACKWARDS = words(
    "window_backwards",
    "Campaign {campaign!r}: its window ends at {latest}, before it begins at {earliest}. Put a later `latest`.",
)
WINDOW_OVER = words(
    "window_over",
    "Campaign {campaign!r}: its window ended at {latest}, and it is {now} now. Put a later window into its definition.",
)


def advance(campaign: Campaign, members: BitMap, *, who: Actor, entry_key: str, zone: tzinfo, now: datetime) -> Wishes:
    """The wishes of a campaign's one-step journey for its members, within the actor's scope.

    No member: no wish. A window that has ended is an error, because nothing could be sent in it.
    """
    earliest, latest = window_of(campaign, zone)
    if latest <= now:
        raise BadInput(WINDOW_OVER, campaign=campaign.id, latest=latest.isoformat(), now=now.isoformat())
    entering = members if who.scope is None else BitMap(number for number in members if number in who.scope)
    wishing = NODES.find("send")().route(entering, now).wishing
    numbers = np.asarray(wishing.to_array(), np.int64) if wishing else np.empty(0, np.int64)
    return Wishes(
        campaign=campaign.id,
        entry_key=entry_key,
        node="send",
        numbers=cast("Sequence[int]", numbers),
        offers=campaign.offers,
        channels=campaign.channels,
        earliest=max(earliest, now),
        latest=latest,
        hours=campaign.period.hours,
        purpose=campaign.purpose,
        message_class=campaign.message_class,
        is_rehearsal=campaign.is_rehearsal,
    )


def window_of(campaign: Campaign, zone: tzinfo) -> tuple[datetime, datetime]:
    """A campaign's window in UTC; local instants are read in the workspace's zone."""
    earliest = parse_instant(campaign.period.earliest, zone)
    latest = parse_instant(campaign.period.latest, zone)
    if latest <= earliest:
        raise BadDefinition(
            WINDOW_BACKWARDS, campaign=campaign.id, earliest=earliest.isoformat(), latest=latest.isoformat()
        )
    return earliest, latest
