"""Every message handed over, looked at again: was there a consent, was it night, was a cap exceeded?

It is counted from the touches themselves, not from what the gate said, so that a fault of the gate would show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from sqlalchemy import and_, or_, select

from limner.app.reporting.contents import Compliance
from limner.core.limits import is_quiet, minutes
from limner.core.ours import Campaign, Cap, Channel, Policy
from limner.flow.decisions.candidates import ZONE_COLUMN
from limner.flow.decisions.facts import texts_of
from limner.maths.distinct import distinct
from limner.maths.lookup import lookup
from limner.store.lake.sql import statement
from limner.store.ledger.columns import instant
from limner.store.ledger.consents import ANY_PURPOSE, is_seen
from limner.store.ledger.erasures import NOBODY
from limner.store.ledger.many import numbers, plain
from limner.store.ledger.tables import consents, outbox, touches

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.workspace import Workspace
    from limner.store.definitions import Definitions

Ints = npt.NDArray[np.int64]
_MICRO = timedelta(microseconds=1)
_MINUTE = 60_000_000
_FAR = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class _Sent:
    """Touches as columns, shape (n,): who, on which channel, of which campaign, class and purpose, and when.

    `reserved` is the moment the gate granted, which caps count; `handed` the moment the provider took the message.
    """

    number: Ints
    channel: npt.NDArray[np.object_]
    campaign: npt.NDArray[np.object_]
    message_class: npt.NDArray[np.object_]
    purpose: npt.NDArray[np.object_]
    reserved: Ints
    handed: Ints

    def of(self, chosen: npt.NDArray[Any]) -> _Sent:
        """Some of them."""
        return _Sent(*(getattr(self, name)[chosen] for name in self.__slots__))


def compliance_of(shop: Workspace, portrait: Portrait) -> Compliance:
    """How many messages broke a rule. Transactional ones are owed, and exempt from all three; those of erased persons
    cannot be looked at again."""
    sent = _sent(shop)
    bound = sent.of((sent.message_class != "transactional") & (sent.number != NOBODY))
    definitions = shop.definitions
    return Compliance(
        touches=int(sent.number.size),
        without_consent=_without_consent(shop, definitions, portrait, bound),
        at_night=_at_night(shop, definitions, portrait, bound),
        over_cap=_over_cap(definitions, bound),
    )


def _sent(shop: Workspace) -> _Sent:
    row, box = touches.c, outbox.c
    wanted = (row.number, row.channel, row.campaign, row.message_class, box.purpose, box.moment, row.handed_over_at)
    question = select(*plain(*wanted)).join(outbox, box.message_key == row.message_key)
    with shop.stores.ledger.read() as connection:
        rows = connection.execute(question).all()
    columns = list(zip(*rows, strict=True)) or [()] * 7
    texts = [np.asarray(column, object) for column in columns[1:5]]
    moments = [np.asarray(column, np.int64) for column in columns[5:]]
    return _Sent(np.asarray(columns[0], np.int64), *texts, *moments)


def _without_consent(shop: Workspace, definitions: Definitions, portrait: Portrait, sent: _Sent) -> int:
    """Messages whose customer had not granted, or had refused, by what was known when they were handed over."""
    links = shop.stores.lake.table(statement("limner.flow.decisions", "links.sql"), versions={"links": portrait.links})
    trace, number = links["trace"].to_numpy(), links["number"].to_numpy().astype(np.int64)
    order = np.argsort(number, kind="stable")
    known = definitions.of(Channel)
    broken = 0
    for channel in np.unique(sent.channel.astype(str)):
        for purpose in np.unique(sent.purpose[sent.channel == channel].astype(str)):
            mine = sent.of((sent.channel == channel) & (sent.purpose == purpose))
            asked = (known[channel].consent or channel) if channel in known else channel
            first = np.searchsorted(number[order], mine.number)
            count = np.searchsorted(number[order], mine.number, "right") - first
            which = np.repeat(np.arange(mine.number.size), count)
            places = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
            said = _said(shop, str(asked), str(purpose))
            granted, refused = said.ask(trace[order[places]], mine.handed[which])
            allows = np.bincount(which[granted], minlength=mine.number.size) > 0
            forbids = np.bincount(which[refused], minlength=mine.number.size) > 0
            broken += int((~allows | forbids).sum())
    return broken


@dataclass(frozen=True, slots=True)
class _Said:
    """All consents of one channel and purpose of each trace, in the order of their `moment`; of one moment the refusal
    is last. A grant counts from when it was given, a refusal from when we had heard of it; one that came late and is
    older than a later grant says nothing."""

    trace: Ints
    moment: Ints
    is_granted: npt.NDArray[np.bool_]
    until: Ints

    def ask(self, traces: npt.NDArray[Any], moments: Ints) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Whether the last word of each trace before its moment grants, or refuses: shape (n,) each."""
        nothing = np.zeros(traces.size, bool)
        if not self.trace.size or not traces.size:
            return nothing, nothing.copy()
        known = distinct(self.trace)
        asked, is_known = lookup(known, traces)
        rank = np.searchsorted(known, self.trace)
        levels = distinct(np.concatenate([self.moment, moments]))
        there = rank * levels.size + np.searchsorted(levels, self.moment)
        last = np.searchsorted(there, asked * levels.size + np.searchsorted(levels, moments)) - 1
        found = is_known & (last >= 0) & (rank[np.maximum(last, 0)] == asked)
        at = np.maximum(last, 0)
        granted = found & self.is_granted[at] & (self.until[at] > moments)
        return granted, found & ~self.is_granted[at]


def _said(shop: Workspace, channel: str, purpose: str) -> _Said:
    row = consents.c
    wanted = (row.trace, row.happened_at, row.received_at, row.seq, row.is_granted, row.until_at, row.withdrawn_at)
    question = select(*plain(*wanted)).where(
        row.channel.in_((channel, ANY_PURPOSE)),
        row.purpose.in_((purpose, ANY_PURPOSE)),
        or_(
            row.is_granted.is_(False),
            and_(is_seen(), or_(row.withdrawn_at.is_(None), row.withdrawn_at > row.happened_at)),
        ),
    )
    with shop.stores.ledger.read() as connection:
        trace, happened, heard, seq, granted, until, withdrawn = numbers(connection, question)
    is_granted = granted > 0
    known = np.where(is_granted, happened, np.maximum(happened, heard))
    until[until < 0], withdrawn[withdrawn < 0] = _FAR, _FAR
    ends = np.minimum(until, np.where(is_granted, withdrawn, _FAR))
    order = np.lexsort((seq, ~is_granted, happened, known, trace))
    order = order[_is_news(trace[order], happened[order])]
    return _Said(trace[order], known[order], is_granted[order], ends[order])


def _is_news(trace: Ints, happened: Ints) -> npt.NDArray[np.bool_]:
    """Which words, in the order they became known, are no older than what was known of their trace: shape (n,)."""
    if not trace.size:
        return np.zeros(0, bool)
    group = np.cumsum(np.diff(trace, prepend=trace[0]) != 0)
    rank = np.unique(happened, return_inverse=True)[1] + group * np.int64(trace.size + 1)
    return np.asarray(rank >= np.maximum.accumulate(rank))


def _at_night(shop: Workspace, definitions: Definitions, portrait: Portrait, sent: _Sent) -> int:
    """Messages handed over in the quiet hours of the customer's own zone."""
    channels = definitions.of(Channel)
    zones = texts_of(portrait.version, ZONE_COLUMN, sent.number)
    broken = 0
    texts = (sent.campaign.astype(str), sent.channel.astype(str), zones.astype(str))
    minute = sent.handed // _MINUTE
    for (campaign, name, zone, at), many in Counter(zip(*texts, minute.tolist(), strict=True)).items():
        policy, channel = _policy(definitions, str(campaign)), channels.get(str(name))
        if channel is not None and channel.is_quiet_exempt:
            continue
        local = instant(at * _MINUTE).astimezone(ZoneInfo(zone) if zone else shop.settings.zone)
        start, end = minutes(policy.quiet_start), minutes(policy.quiet_end)
        broken += many * is_quiet(local.hour * 60 + local.minute, start, end)
    return broken


def _policy(definitions: Definitions, campaign: str) -> Policy:
    campaigns: Mapping[str, Campaign] = definitions.of(Campaign)
    name = campaigns[campaign].policy if campaign in campaigns else "default"
    return definitions.find(Policy, name)


def _over_cap(definitions: Definitions, sent: _Sent) -> int:
    """Messages that are one too many in some window of a cap: of the policy, or of the platform."""
    order = np.lexsort((sent.reserved, sent.number))
    sent = sent.of(order)
    over = np.zeros(sent.number.size, bool)
    bound: dict[Cap, npt.NDArray[np.bool_]] = {}
    for campaign in np.unique(sent.campaign.astype(str)):
        for cap in _policy(definitions, str(campaign)).caps:
            bound[cap] = bound.get(cap, np.zeros(sent.number.size, bool)) | (sent.campaign == campaign)
    for channel in definitions.of(Channel).values():
        for cap in channel.limits:
            own = replace(cap, channels=(channel.id,))
            bound[own] = np.ones(sent.number.size, bool)
    for cap, is_bound in bound.items():
        over |= _over(sent, cap) & is_bound
    return int(over.sum())


def _over(sent: _Sent, cap: Cap) -> npt.NDArray[np.bool_]:
    """Which of the touches, sorted by customer and moment, are beyond a cap: shape (n,)."""
    counted = np.ones(sent.number.size, bool)
    if cap.channels:
        counted &= np.isin(sent.channel.astype(str), cap.channels)
    if cap.classes:
        counted &= np.isin(sent.message_class.astype(str), cap.classes)
    places = np.flatnonzero(counted)
    over = np.zeros(sent.number.size, bool)
    late, early = places[cap.most :], places[: places.size - cap.most] if cap.most else places
    is_same = sent.number[late] == sent.number[early]
    is_near = sent.reserved[late] - sent.reserved[early] < cap.within // _MICRO
    over[late[is_same & is_near]] = True
    return over
