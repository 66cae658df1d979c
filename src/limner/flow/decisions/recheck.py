"""The second question: inside the transaction that hands messages over, is each still allowed at this moment?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from limner.core.limits import REASONS, is_quiet, minutes
from limner.core.ours import Channel, Policy
from limner.flow.decisions.candidates import ZONE_COLUMN
from limner.flow.decisions.facts import texts_of
from limner.flow.decisions.local import OPEN, QUIET, Asked, reach, stage_of
from limner.flow.decisions.moments import allowed_spans, slots
from limner.flow.decisions.taken import read_taken
from limner.store.ledger.columns import micros

if TYPE_CHECKING:
    from limner.flow.decisions.consent_book import ConsentBook
    from limner.store.gallery import Version
    from limner.store.stores import Stores


class Reserved(Protocol):
    """A row of the outbox, as far as the gate needs it."""

    @property
    def decision(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def trace(self) -> int: ...
    @property
    def channel(self) -> str: ...
    @property
    def campaign(self) -> str: ...
    @property
    def message_class(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def latest_at(self) -> datetime: ...
    @property
    def consent_seq(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Said:
    """The gate's second answer: the limit that forbids it ("" may go), or for quiet hours the moment it may go at."""

    reason: str = ""
    moment: datetime | None = None


MAY_GO = Said()


@dataclass(frozen=True, slots=True)
class Gate:
    """What the second question stands on. `policies` and `hours` are by campaign."""

    stores: Stores
    channels: Mapping[str, Channel]
    policies: Mapping[str, Policy]
    hours: Mapping[str, str]
    book: ConsentBook
    version: Version

    def ask(self, rows: Sequence[Reserved], now: datetime) -> list[Said]:
        """One answer per outbox row. The rows' own reservations do not count against them."""
        answers = [MAY_GO] * len(rows)
        groups: dict[tuple[str, str, str, str], list[int]] = {}
        for i, row in enumerate(rows):
            key = (row.channel, row.campaign, row.message_class, row.purpose)
            groups.setdefault(key, []).append(i)
        for (channel, campaign, message_class, purpose), mine in groups.items():
            part = [rows[i] for i in mine]
            said = self._group(part, self.channels[channel], campaign, message_class, purpose, now)
            for i, answer in zip(mine, said, strict=True):
                answers[i] = answer
        return answers

    def _group(
        self,
        rows: Sequence[Reserved],
        channel: Channel,
        campaign: str,
        message_class: str,
        purpose: str,
        now: datetime,
    ) -> list[Said]:
        policy = self.policies[campaign]
        stated = (np.asarray([getattr(row, name) for row in rows], np.int64) for name in ("trace", "number"))
        numbers = self.book.owners(*stated)  # who was merged since is asked about as the one they are now
        at, own = micros(now), [row.consent_seq for row in rows if row.consent_seq is not None]
        allowed = self.book.state(channel.consent or channel.id, purpose, now, numbers, own)
        zones = self._zones(numbers)
        is_free = message_class == "transactional" or channel.is_quiet_exempt
        is_quiet_in = {zone: not is_free and _is_quiet_at(policy, zone, now) for zone in set(zones)}
        quiet = [is_quiet_in[zone] for zone in zones]
        far = micros(now + reach(policy, (channel,))) - at
        with self.stores.ledger.read() as connection:
            taken = read_taken(connection, self.book, numbers, at - far, at + far, [row.decision for row in rows])
        has_address = np.asarray([row.trace > 0 for row in rows], bool)
        moments = np.where(quiet, -1, at)
        asked = Asked(numbers, moments, has_address, allowed.is_allowed, channel, message_class)
        spans = allowed_spans((policy.quiet_start, policy.quiet_end), self.hours.get(campaign, ""), campaign)
        return [
            MAY_GO if stage == OPEN else _said(stage, row, zone, spans, now)
            for stage, row, zone in zip(stage_of(asked, policy, taken).tolist(), rows, zones, strict=True)
        ]

    def _zones(self, numbers: np.ndarray) -> list[tzinfo]:
        names = texts_of(self.version, ZONE_COLUMN, numbers).tolist()
        zones = {name: ZoneInfo(name) if name else self.stores.settings.zone for name in set(names)}
        return [zones[name] for name in names]


def _is_quiet_at(policy: Policy, zone: tzinfo, now: datetime) -> bool:
    local = now.astimezone(zone)
    return bool(is_quiet(local.hour * 60 + local.minute, minutes(policy.quiet_start), minutes(policy.quiet_end)))


def _said(stage: int, row: Reserved, zone: tzinfo, spans: list[tuple[int, int]], now: datetime) -> Said:
    if stage != QUIET:
        return Said(REASONS[stage])
    later = slots(now, row.latest_at, zone, spans, most=2)
    return Said(moment=later[0].moment) if later else Said(REASONS[QUIET])
