"""The second question: inside the transaction that hands messages over, is each still allowed at this moment?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from limner.core.limits import REASONS, is_quiet, minutes
from limner.core.ours import Channel, Policy
from limner.flow.decisions.candidates import ZONE_COLUMN
from limner.flow.decisions.facts import texts_of
from limner.flow.decisions.local import OPEN, Asked, reach, stage_of
from limner.flow.decisions.taken import read_taken
from limner.store.ledger.columns import micros

if TYPE_CHECKING:
    from limner.flow.decisions.consent_book import ConsentBook
    from limner.store.gallery import Version
    from limner.store.stores import Stores


def recheck(
    stores: Stores,
    rows: Sequence[Mapping[str, Any]],
    channels: Mapping[str, Channel],
    policies: Mapping[str, Policy],
    book: ConsentBook,
    version: Version,
    *,
    now: datetime,
) -> list[str]:
    """For each outbox row the limit that forbids it now, or "". `policies` maps a campaign to its policy.

    Consent, caps, gaps and quiet hours are those of this moment; the rows' own reservations do not count against them.
    """
    answers = [""] * len(rows)
    groups: dict[tuple[str, str, str, str], list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault((row["channel"], row["campaign"], row["message_class"], row["purpose"]), []).append(i)
    for (channel_id, campaign, message_class, purpose), mine in groups.items():
        channel, policy = channels[channel_id], policies[campaign]
        numbers = np.asarray([rows[i]["number"] for i in mine], np.int64)
        at = micros(now)
        own = [rows[i]["consent_seq"] for i in mine if rows[i]["consent_seq"] is not None]
        allowed = book.state(channel.consent or channel.id, purpose, now, numbers, own)
        moments = np.where(_quiet(numbers, policy, channel, message_class, stores, version, now), -1, at)
        far = micros(now + reach(policy, (channel,))) - at
        with stores.ledger.read() as connection:
            taken = read_taken(connection, numbers, at - far, at + far, [rows[i]["decision"] for i in mine])
        asked = Asked(
            numbers,
            moments,
            np.asarray([rows[i]["trace"] > 0 for i in mine], bool),
            allowed.is_allowed,
            channel,
            message_class,
        )
        for i, stage in zip(mine, stage_of(asked, policy, taken), strict=True):
            answers[i] = "" if stage == OPEN else REASONS[stage]
    return answers


def _quiet(
    numbers: np.ndarray,
    policy: Policy,
    channel: Channel,
    message_class: str,
    stores: Stores,
    version: Version,
    now: datetime,
) -> np.ndarray:
    if message_class == "transactional" or channel.is_quiet_exempt:
        return np.zeros(numbers.size, bool)
    names, place = np.unique(texts_of(version, ZONE_COLUMN, numbers).astype(str), return_inverse=True)
    start, end = minutes(policy.quiet_start), minutes(policy.quiet_end)
    quiet = []
    for name in names:
        local = now.astimezone(ZoneInfo(name) if name else stores.settings.zone)
        quiet.append(bool(is_quiet(local.hour * 60 + local.minute, start, end)))
    return np.asarray(quiet, bool)[place]
