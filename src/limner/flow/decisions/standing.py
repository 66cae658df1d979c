"""What one customer allows, said in full: per purpose and channel the state, and the statement that makes it.

The rule is that of the gate (`store/ledger/consents.py`): of one identifier the latest word counts; a refusal on any
identifier wins over grants on others, until a later grant on the same identifier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from limner.store.ledger.consents import ANY_PURPOSE, Folded, folded, is_heard, read_said
from limner.store.ledger.many import among
from limner.store.ledger.tables import consents

if TYPE_CHECKING:
    from limner.store.stores import Stores

State = Literal["granted", "refused", "over"]


@dataclass(frozen=True, slots=True)
class Stated:
    """One statement as the ledger keeps it. `trace` is the identifier it came on."""

    seq: int
    trace: int
    kind: str
    channel: str
    purpose: str
    is_granted: bool
    happened_at: datetime
    received_at: datetime
    until_at: datetime | None
    uses: int | None
    source: str
    load: int | None
    proof: str
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of one purpose on one channel: the statement that makes it, the uses left of a counted grant, and the
    grants on other identifiers that a refusal overrides. `over`: granted once, ended or used up."""

    purpose: str
    channel: str
    state: State
    by: Stated
    left: int | None
    overrides: tuple[Stated, ...] = ()


def statements(stores: Stores, traces: Collection[int], known: datetime | None = None) -> tuple[Stated, ...]:
    """Every statement of these identifiers, oldest first, with `known` those heard before it."""
    row = consents.c
    question = select(*(row[name] for name in Stated.__slots__)).where(among(row.trace, traces), is_heard())
    if known is not None:
        question = question.where(row.received_at < known)
    with stores.ledger.read() as connection:
        found = connection.execute(question.order_by(row.happened_at, row.seq)).all()
    return tuple(Stated(*one) for one in found)


def standings(
    stores: Stores,
    traces: Collection[int],
    *,
    asof: datetime,
    now: datetime,
    known: datetime | None = None,
    channels: Iterable[str] = (),
) -> tuple[Standing, ...]:
    """The state at `asof` of every purpose and channel the customer's identifiers have said anything about.

    `channels` are those a statement for every channel is told for. Nothing said: empty.
    """
    said = {one.seq: one for one in statements(stores, traces, known) if one.happened_at < asof}
    pairs = _pairs(said.values(), tuple(channels))
    past = asof if asof < now else None
    found = []
    for purpose, channel in pairs:
        state = folded(
            stores.ledger, read_said(stores.ledger, channel, purpose, traces, known), asof, handed_before=past
        )
        if state.trace.size:
            found.append(_standing(purpose, channel, state, said))
    return tuple(found)


def _pairs(said: Iterable[Stated], channels: Sequence[str]) -> list[tuple[str, str]]:
    """The purposes and channels that were spoken of; one that speaks for all is told for each that is known."""
    spoken = {(one.purpose, one.channel) for one in said}
    purposes = {purpose for purpose, _ in spoken} - {ANY_PURPOSE} or {ANY_PURPOSE}
    places = ({channel for _, channel in spoken} | set(channels)) - {ANY_PURPOSE} or {ANY_PURPOSE}
    pairs = set()
    for purpose, channel in spoken:
        ours = purposes if purpose == ANY_PURPOSE else {purpose}
        pairs |= {(one, place) for one in ours for place in (places if channel == ANY_PURPOSE else {channel})}
    return sorted(pairs)


def _standing(purpose: str, channel: str, state: Folded, said: dict[int, Stated]) -> Standing:
    """The state of one customer from that of the identifiers."""
    of = [
        (said[seq], bool(granted), bool(silent), left)
        for seq, granted, silent, left in zip(
            state.seq.tolist(), state.is_granted, state.is_silent, state.left.tolist(), strict=True
        )
    ]
    granted = [(one, left) for one, yes, _, left in of if yes]
    refused = [one for one, yes, silent, _ in of if not yes and not silent]
    if refused:
        latest = max(refused, key=lambda one: (one.happened_at, one.seq))
        return Standing(purpose, channel, "refused", latest, None, tuple(one for one, _ in granted))
    if granted:
        used, left = min(granted, key=lambda pair: pair[0].seq)
        return Standing(purpose, channel, "granted", used, left if left >= 0 else None)
    latest = max((one for one, _, _, _ in of), key=lambda one: (one.happened_at, one.seq))
    return Standing(purpose, channel, "over", latest, 0 if latest.uses is not None else None)
