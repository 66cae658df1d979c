"""`launch`: grant a plan's decisions, then hand over what is due."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from limner.app.grounds import Portrait, book_of, gate_ground, portrait_of
from limner.app.keys import secret
from limner.app.planning import question
from limner.core.errors import Busy
from limner.core.ours import Campaign, Channel, Policy
from limner.flow.channels.content import wording
from limner.flow.channels.deliver import Delivered, deliver
from limner.flow.channels.terms import Lent, Verdict
from limner.flow.decisions.launch import Granted, grant
from limner.flow.decisions.plans import Kept, read_plan
from limner.flow.decisions.recheck import Gate
from limner.store.gallery.table import column_to_arrow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from limner.app.workspace import Workspace
    from limner.flow.channels.outbox import Due
    from limner.flow.decisions.candidates import Option
    from limner.store.gallery import Version


@dataclass(frozen=True, slots=True)
class Launched:
    """What a launch has done so far: reserved, held out, dropped on re-check by reason, and what was handed over."""

    plan_id: int
    reserved: int
    held_out: int
    dropped: Mapping[str, int]
    handed_over: int
    waiting: int
    released: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    uncertain: int = 0
    cost: Decimal = Decimal(0)
    next_due_at: datetime | None = None


def launch(shop: Workspace, plan_id: int) -> Launched:
    """Send a plan: grant what it decided, hand over what is due, leave the rest queued. Twice sends once."""
    kept = read_plan(shop.stores, plan_id)
    granted = Granted(plan_id, 0, 0)
    if kept.state != "launched":
        with shop.stores.ledger.lease("launch", shop.clock(), "launch"):
            granted = _grant(shop, kept)
    return _launched(granted, _sent(shop, plan_id))


def _sent(shop: Workspace, plan_id: int) -> Delivered:
    """What was handed over now; nothing while another process delivers, as a keeper does: it finds the rest."""
    from limner.flow.channels.outbox import still_queued

    try:
        return send_due(shop, plan_id)
    except Busy:
        with shop.stores.ledger.read() as connection:
            waiting, moment = still_queued(connection, plan_id)
        return Delivered(waiting=waiting, next_due_at=moment)


def send_due(shop: Workspace, plan_id: int | None = None) -> Delivered:
    """Hand over what is due now, of one plan or of all."""
    return deliver(
        shop.stores,
        shop.definitions,
        who=shop.who,
        now=shop.clock,
        rng=random.Random(0),  # noqa: S311 - spreads retries, keeps no secret
        lent=Lent(home=shop.folder, secret=partial(secret, shop.folder), recheck=_Recheck(shop)),
        tell=shop.tell,
        plan_id=plan_id,
    )


def _grant(shop: Workspace, kept: Kept) -> Granted:
    campaign = shop.definitions.find(Campaign, kept.plan.campaign)
    basis = json.loads(kept.plan.basis)
    version = shop.stores.gallery.version(basis["gallery"])
    portrait = Portrait(version, basis["links"], kept.plan.asof, basis["ledger_seq"])
    now = shop.clock()
    wishes, options, _ = question(shop, campaign, portrait, now, str(kept.plan.plan_id))
    ground = gate_ground(shop, portrait, shop.definitions.find(Policy, campaign.policy), now)
    return grant(
        kept,
        campaign,
        wishes,
        options,
        ground,
        parameters=lambda option, numbers: parameters(shop, version, option, numbers),
        tell=shop.tell,
    )


def parameters(
    shop: Workspace, version: Version, option: Option, numbers: np.ndarray
) -> Sequence[Mapping[str, object]]:
    """The tags and traits the words of an offer use, for each customer; unknown ones are left out."""
    made = wording(option.offer, option.channel, zone=shop.settings.zone, place=f"offers/{option.offer.id}")
    names = sorted(name for name in made.needs if name in version.headers)
    if not names:
        return [{}] * numbers.size
    columns = [column_to_arrow(version.column(name), numbers).to_pylist() for name in names]
    return [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in zip(*columns, strict=True)]


def _launched(granted: Granted, sent: Delivered) -> Launched:
    return Launched(
        plan_id=granted.plan_id,
        reserved=granted.reserved,
        held_out=granted.held_out,
        dropped=granted.dropped,
        handed_over=sent.handed_over,
        waiting=sent.waiting,
        released=sent.released,
        failed=sent.failed,
        uncertain=sent.uncertain,
        cost=sent.cost,
        next_due_at=sent.next_due_at,
    )


class _Recheck:
    """The gate's second question, over the newest portrait; opened when the first message is due."""

    def __init__(self, shop: Workspace) -> None:
        self._shop = shop
        self._gate: Gate | None = None

    def __call__(self, connection: Connection, rows: Sequence[Due], now: datetime) -> Mapping[int, Verdict]:
        if self._gate is None:
            self._gate = _gate(self._shop)
        said = self._gate.ask(rows, now)
        return {
            row.decision: Verdict(reason=answer.reason, moment=answer.moment)
            for row, answer in zip(rows, said, strict=True)
            if answer.reason or answer.moment is not None
        }


def _gate(shop: Workspace) -> Gate:
    portrait, definitions = portrait_of(shop), shop.definitions
    campaigns: Mapping[str, Any] = definitions.of(Campaign)
    return Gate(
        stores=shop.stores,
        channels=definitions.of(Channel),
        policies={name: definitions.find(Policy, c.policy) for name, c in campaigns.items()},
        hours={name: c.period.hours for name, c in campaigns.items()},
        book=book_of(shop, portrait.links),
        version=portrait.version,
    )
