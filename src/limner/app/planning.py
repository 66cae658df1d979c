"""`plan` and `explain`: a campaign's decisions as a stored value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from limner.app.grounds import Portrait, gate_ground, portrait_of
from limner.app.privacy.purpose_checks import need_purpose
from limner.app.tags.acts import need_published_of
from limner.core.errors import NotFound, Refused, words
from limner.core.exact import to_units
from limner.core.limits import REASONS
from limner.core.ours import Audience, Campaign, Channel, Offer, Plan, Policy
from limner.flow.channels.content import skeleton, wording
from limner.flow.decisions.candidates import Candidates, Ground, Option, candidates_of
from limner.flow.decisions.decide import Decided, Held, decide, experiment_of, held_out
from limner.flow.decisions.local import OPEN
from limner.flow.decisions.plans import Basis, Kept, decisions_of, read_plan, write_plan
from limner.flow.journeys import advance
from limner.flow.outcomes.margin import mean_margin
from limner.flow.sources.names import ORDER
from limner.store.ledger.tables import assignments

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.core.ours import Wishes

STOPPED = words(
    "campaign_stopped", "Campaign {campaign!r} is stopped. Set is_stopped: false and apply, then plan again."
)
NOT_IN_PLAN = words("customer_not_in_plan", "Customer {customer} is not in plan {plan_id}: not in its audience then.")


@dataclass(frozen=True, slots=True)
class Planned:
    """A stored plan: who was granted, held out and refused and why, what it costs, what it can show.

    `hold_out_price` is what leaving the campaign's hold-out alone forgoes, should the campaign reach its goal's effect:
    the margin of the orders that do not come, less the messages not paid for; benefits are not counted. None where
    that is not known.
    """

    plan_id: int
    campaign: str
    name: str
    audience: int
    granted: int
    held_out: int
    held_out_by: Mapping[str, int]
    refused: Mapping[str, int]
    cost: Decimal
    by_channel: Mapping[str, int]
    first_moment: datetime | None
    last_moment: datetime | None
    asof: datetime
    base_rate: float | None
    detectable: float | None
    goal_effect: float | None
    hold_out_price: Decimal | None = None
    warning: str = ""

    def to_json(self) -> Mapping[str, object]:
        """The document of `plan --json`."""
        return {name: getattr(self, name) for name in self.__slots__} | {"refused_total": sum(self.refused.values())}


def plan(shop: Workspace, campaign: str, asof: str | datetime | None = None) -> Planned:
    """Decide a campaign and keep the decisions under a new plan id. Nothing is reserved and nothing is sent."""
    found = shop.definitions.find(Campaign, campaign)
    if found.is_stopped:
        raise Refused(STOPPED, campaign=found.id)
    now, portrait = shop.clock(), portrait_of(shop, asof)
    need_purpose(shop, found, portrait)
    need_published_of(shop, found)
    with shop.keeper(now, "plan"), shop.stores.ledger.write() as connection:
        plan_id = shop.stores.ledger.take(connection, "plan")
    wishes, options, ground = question(shop, found, portrait, now, str(plan_id))
    decided = decide(wishes, options, found, holdouts(shop, found, wishes, ground.policy), ground)
    basis = Basis(
        portrait.asof,
        portrait.version.name,
        portrait.links,
        shop.definitions.version(Campaign, found.id),
        portrait.catalog_seq,
    )
    kept = write_plan(shop.stores, found, decided, basis, plan_id=plan_id, who=shop.who, now=now, latest=wishes.latest)
    return _planned(shop, found, kept, decided, portrait)


def question(
    shop: Workspace, campaign: Campaign, portrait: Portrait, now: datetime, entry_key: str
) -> tuple[Wishes, tuple[Option, ...], Ground]:
    """What the gate is asked for a campaign: wishes, options and the ground."""
    from limner.app.asking import members_of

    definitions = shop.definitions
    policy = definitions.find(Policy, campaign.policy)
    audience = definitions.find(Audience, campaign.audience)
    members = members_of(shop, audience.id, portrait)
    wishes = advance(campaign, members, who=shop.who, entry_key=entry_key, zone=shop.settings.zone, now=now)
    return wishes, options_of(shop, campaign), gate_ground(shop, portrait, policy, now)


def options_of(shop: Workspace, campaign: Campaign) -> tuple[Option, ...]:
    """Every offer on every channel of a campaign, in order of preference, with what one message costs."""
    definitions = shop.definitions
    offers = [definitions.find(Offer, name) for name in campaign.offers]
    channels = [definitions.find(Channel, name) for name in campaign.channels]
    return tuple(Option(o, c, _price(shop, o, c)) for o in offers for c in channels)


def _price(shop: Workspace, offer: Offer, channel: Channel) -> int:
    """The price of a message: of SMS, times the segments of its fixed words."""
    from limner.core.sms import segments

    made = wording(offer, channel, zone=shop.settings.zone, place=f"offers/{offer.id}")
    count = segments(skeleton(made.text.source)) if made.is_sms and made.text is not None else 1
    return to_units(channel.price) * count


def holdouts(shop: Workspace, campaign: Campaign, wishes: Wishes, policy: Policy) -> Held:
    """The arms of everybody who wishes, as assigned before or by hash."""
    from pyroaring import BitMap

    row = assignments.c
    fixed: dict[str, list[int]] = {}
    with shop.stores.ledger.read() as connection:
        for arm, members in connection.execute(
            select(row.arm, row.members).where(row.experiment == experiment_of(campaign))
        ):
            fixed.setdefault(f"{experiment_of(campaign)}|{arm}", []).extend(BitMap.deserialize(members))
    return held_out(
        np.asarray(wishes.numbers, np.int64),
        campaign,
        policy.universal_holdout,
        policy.universal_salt,
        {key: np.asarray(numbers, np.int64) for key, numbers in fixed.items()},
    )


def _planned(shop: Workspace, campaign: Campaign, plan: Plan, decided: Decided, portrait: Portrait) -> Planned:
    from limner.app.measuring import base_rate
    from limner.maths.power import smallest_rate

    granted = decided.answer == "granted"
    channels = np.asarray([option.channel.id for option in decided.options], object)[decided.option[granted]]
    names, counts = np.unique(channels.astype(str), return_counts=True)
    moments = decided.moment[granted]
    rate = base_rate(shop, campaign, portrait) if decided.numbers.size else None
    held = decided.reasons("held_out").get("campaign", 0)
    detectable = smallest_rate(rate, plan.granted, held) if rate is not None and plan.granted and held else None
    effect = campaign.goal.effect
    is_weak = detectable is not None and effect is not None and detectable > effect
    return Planned(
        plan_id=plan.plan_id,
        campaign=campaign.id,
        name=campaign.name or campaign.id,
        audience=plan.audience,
        granted=plan.granted,
        held_out=plan.held_out,
        held_out_by=decided.reasons("held_out"),
        refused=plan.refused,
        cost=plan.cost,
        by_channel={str(n): int(c) for n, c in zip(names, counts, strict=True)},
        first_moment=_instant(moments.min()) if moments.size else None,
        last_moment=_instant(moments.max()) if moments.size else None,
        asof=plan.asof,
        base_rate=rate,
        detectable=detectable,
        goal_effect=effect,
        hold_out_price=_hold_out_price(shop, campaign, plan, held),
        warning="underpowered" if is_weak else "",
    )


def _hold_out_price(shop: Workspace, campaign: Campaign, plan: Plan, held: int) -> Decimal | None:
    effect = campaign.goal.effect
    if effect is None or not held or not plan.granted or campaign.goal.event != ORDER:
        return None
    margin = mean_margin(shop.stores, plan.asof)
    if margin is None:
        return None
    return (held * (Decimal(str(effect)) * margin - plan.cost / plan.granted)).quantize(Decimal("0.01"))


def _instant(micro: int) -> datetime:
    from limner.store.ledger.columns import instant

    return instant(int(micro))


@dataclass(frozen=True, slots=True)
class Alternative:
    """One candidate of a customer: an offer on a channel on a day, and the first rule that says no ("" none)."""

    offer: str
    channel: str
    moment: datetime | None
    reason: str
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a plan decided as it did: the stored answer, and every alternative asked again as of the plan's moment."""

    plan_id: int
    customer_id: str
    answer: str
    reason: str
    offer: str
    channel: str
    moment: datetime | None
    value: Decimal
    alternatives: tuple[Alternative, ...]


def explain(shop: Workspace, plan_id: int, customer: str) -> Explained:
    """Why one customer was granted, held out or refused in a plan, and why not the other offers, channels and days."""
    from limner.app.asking import number_of, shown_name
    from limner.core.ids import customer_id

    kept = read_plan(shop.stores, plan_id)
    number = number_of(shop, customer)
    rows = [row for row in decisions_of(shop.stores, plan_id).to_pylist() if row["number"] == number]
    if not rows:
        raise NotFound(NOT_IN_PLAN, customer=shown_name(customer), plan_id=plan_id)
    row = rows[0]
    return Explained(
        plan_id=plan_id,
        customer_id=customer_id(shop.stores.hash_key, number),
        answer=row["answer"],
        reason=row["reason"],
        offer=row["offer"],
        channel=row["channel"],
        moment=row["moment"],
        value=row["value"],
        alternatives=_alternatives(shop, kept, number),
    )


def _alternatives(shop: Workspace, kept: Kept, number: int) -> tuple[Alternative, ...]:
    from dataclasses import replace

    campaign = shop.definitions.find(Campaign, kept.plan.campaign)
    basis = json.loads(kept.plan.basis)
    portrait = Portrait(
        shop.stores.gallery.version(basis["gallery"]), basis["links"], kept.plan.asof, basis["ledger_seq"]
    )
    now = kept.plan.made_at + timedelta(microseconds=1)
    wishes, options, ground = question(shop, campaign, portrait, now, str(kept.plan.plan_id))
    found = candidates_of(replace(wishes, numbers=(number,)), options, ground)
    return tuple(_alternative(found, k) for k in range(found.option.size))


def _alternative(found: Candidates, k: int) -> Alternative:
    option = found.options[found.option[k]]
    stage, moment = int(found.stage[k, 0]), int(found.moment[k, 0])
    return Alternative(
        offer=option.offer.id,
        channel=option.channel.id,
        moment=_instant(moment) if moment >= 0 else None,
        reason="" if stage == OPEN else REASONS[stage],
        cost=Decimal(option.price).scaleb(-4),
    )
