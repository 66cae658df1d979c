"""The candidates of a wish: offer × channel × local day, in order of preference, with what the local rules say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from limner.core.limits import REASONS
from limner.core.ours import Channel, Offer, Policy, Wishes
from limner.flow.decisions.consent_book import Allowed, ConsentBook
from limner.flow.decisions.facts import numbers_of, texts_of
from limner.flow.decisions.local import OPEN, Asked, reach, stage_of
from limner.flow.decisions.moments import Slot, allowed_spans, slots
from limner.flow.decisions.taken import Taken, read_taken
from limner.store.ledger.columns import micros

if TYPE_CHECKING:
    from pyroaring import BitMap

    from limner.store.gallery import Version
    from limner.store.stores import Stores

Ints = npt.NDArray[np.int64]
RuleReader = Callable[[str], "BitMap"]
"""Answers a rule's text with its members; handed in, because audiences are a station of their own."""

ZONE_COLUMN = "zone"
_CONDITIONS = (("eligible", "eligibility"), ("applicable", "applicability"), ("suitable", "suitability"))


@dataclass(frozen=True, slots=True)
class Option:
    """One offer on one channel; `price` in ten-thousandths per message."""

    offer: Offer
    channel: Channel
    price: int


@dataclass(frozen=True, slots=True)
class Candidates:
    """For n customers and k candidates: which option, on which local day, at which moment (µs, -1 none), which address
    (trace) and consent, and the stage the local rules stop them at. Shape (k, n) unless said otherwise."""

    options: tuple[Option, ...]
    option: npt.NDArray[np.int64]
    """shape (k,): index into `options`."""
    day: Ints
    moment: Ints
    stage: Ints
    trace: Ints
    consent_seq: Ints


@dataclass(frozen=True, slots=True)
class Ground:
    """What every question about candidates stands on."""

    stores: Stores
    version: Version
    policy: Policy
    book: ConsentBook
    answer: RuleReader
    now: datetime


def candidates_of(
    wishes: Wishes, options: tuple[Option, ...], ground: Ground, taken: Taken | None = None
) -> Candidates:
    """All candidates of these wishes, best-liked first: by offer, then channel, then day."""
    numbers = np.asarray(wishes.numbers, np.int64)
    zone_of, by_zone = _slots(wishes, options, ground, numbers)
    if taken is None:
        taken = _taken(ground, wishes, options, numbers)
    conditions = {option.offer.id: _conditions(option.offer, numbers, ground.answer) for option in options}
    channels = {option.channel.id: _reached(option.channel, wishes, ground, numbers) for option in options}
    parts = []
    for index, option in enumerate(options):
        trace, allowed = channels[option.channel.id]
        per_zone = by_zone[option.channel.id]
        for turn in range(max((len(found) for found in per_zone), default=0) or 1):
            moment, day = _turn(per_zone, zone_of, turn)
            asked = Asked(
                numbers,
                moment,
                trace > 0,
                allowed.is_allowed,
                option.channel,
                wishes.message_class,
                wishes.is_rehearsal,
            )
            stage = np.minimum(stage_of(asked, ground.policy, taken), conditions[option.offer.id])
            parts.append((index, day, moment, stage, trace, allowed.consent_seq))
    columns = list(zip(*parts, strict=True))
    return Candidates(options, np.asarray(columns[0], np.int64), *(np.stack(c) for c in columns[1:]))


def _taken(ground: Ground, wishes: Wishes, options: tuple[Option, ...], numbers: Ints) -> Taken:
    far = reach(ground.policy, tuple(option.channel for option in options))
    with ground.stores.ledger.read() as connection:
        return read_taken(connection, ground.book, numbers, micros(wishes.earliest - far), micros(wishes.latest + far))


def _slots(
    wishes: Wishes, options: tuple[Option, ...], ground: Ground, numbers: Ints
) -> tuple[Ints, Mapping[str, list[list[Slot]]]]:
    names, zone_of = np.unique(texts_of(ground.version, ZONE_COLUMN, numbers).astype(str), return_inverse=True)
    zones = [_zone(name, ground.stores.settings.zone) for name in names]
    earliest = max(wishes.earliest, ground.now)
    found = {}
    for channel in {option.channel.id: option.channel for option in options}.values():
        is_free = wishes.message_class == "transactional" or channel.is_quiet_exempt
        quiet = None if is_free else (ground.policy.quiet_start, ground.policy.quiet_end)
        spans = allowed_spans(quiet, wishes.hours, f"Campaign {wishes.campaign!r}")
        found[channel.id] = [slots(earliest, wishes.latest, zone, spans) for zone in zones]
    return zone_of.astype(np.int64), found


def _zone(name: str, default: tzinfo) -> tzinfo:
    try:
        return ZoneInfo(name) if name else default
    except (KeyError, ValueError, OSError):
        return default


def _turn(per_zone: list[list[Slot]], zone_of: Ints, turn: int) -> tuple[Ints, Ints]:
    moments = [micros(found[turn].moment) if turn < len(found) else -1 for found in per_zone]
    days = [found[turn].day if turn < len(found) else -1 for found in per_zone]
    return np.asarray(moments, np.int64)[zone_of], np.asarray(days, np.int64)[zone_of]


def _conditions(offer: Offer, numbers: Ints, answer: RuleReader) -> Ints:
    stage = np.full(numbers.size, OPEN, np.int64)
    for reason, field in reversed(_CONDITIONS):
        rule = getattr(offer, field)
        if rule:
            members = np.asarray(answer(rule).to_array(), np.int64)
            stage[~np.isin(numbers, members)] = REASONS.index(reason)
    return stage


def _reached(channel: Channel, wishes: Wishes, ground: Ground, numbers: Ints) -> tuple[Ints, Allowed]:
    trace = numbers_of(ground.version, f"address.{channel.address}", numbers)
    allowed = ground.book.state(channel.consent or channel.id, wishes.purpose, ground.now, numbers)
    return trace, allowed
