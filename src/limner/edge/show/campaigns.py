"""`plan`, `launch` and `explain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, pairs, reason, reasons, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.handles import PlanHandle
    from limner.app.launching import Launched
    from limner.app.planning import Explained, Planned
    from limner.flow.channels.deliver import Delivered


@shows("limner.app.planning:Planned")
def planned(found: Planned, voice: Voice) -> str:
    """Who, when, where, at what cost; who is held out and refused and why; what it can show and what that costs."""
    held = _by_reason(found.held_out_by, "why_held_out", voice)
    refused = _by_reason(found.refused, "why_refused", voice)
    facts = pairs(
        [
            (voice.say("plan"), found.plan_id),
            (voice.say("campaign"), f"{found.name} ({found.campaign})"),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("audience"), voice.count(found.audience)),
            (voice.say("granted"), voice.count(found.granted)),
            (voice.say("held_out"), held),
            (voice.say("refused"), refused),
            (voice.say("by_channel"), reasons(found.by_channel, "channels", voice)),
            (voice.say("moments"), _moments(found, voice)),
            (voice.say("cost"), voice.money(found.cost, digits=2)),
            (voice.say("base_rate"), None if found.base_rate is None else voice.share(found.base_rate, 2)),
            (voice.say("detectable"), _detectable(found, voice)),
            (voice.say("holdout_price"), _price(found, voice)),
        ]
    )
    warning = voice.say("underpowered") if found.warning == "underpowered" else ""
    return blocks(facts, warning, voice.say("nothing_sent", plan_id=found.plan_id))


@shows("limner.app.handles:PlanHandle")
def handle(found: PlanHandle, voice: Voice) -> str:
    """The plan behind it."""
    return planned(found.planned, voice)


def _by_reason(counts: Mapping[str, int], section: str, voice: Voice) -> str:
    total = voice.count(sum(counts.values()))
    return voice.say("total_by_reason", total=total, reasons=reasons(counts, section, voice)) if counts else total


def _moments(found: Planned, voice: Voice) -> str | None:
    if found.first_moment is None or found.last_moment is None:
        return None
    return voice.say("interval", low=voice.minute(found.first_moment), high=voice.minute(found.last_moment))


def _detectable(found: Planned, voice: Voice) -> str | None:
    if found.detectable is None or found.detectable == float("inf"):
        return voice.say("nothing_detectable") if found.granted else None
    smallest = voice.say("points", value=voice.points(found.detectable, 2))
    if found.goal_effect is None:
        return smallest
    return voice.say("against_goal", smallest=smallest, goal=voice.points(found.goal_effect, 2))


def _price(found: Planned, voice: Voice) -> str | None:
    """What the hold-out costs if the campaign does what it is meant to: money where that is known, else orders."""
    held = found.held_out_by.get("campaign", 0)
    if not held or not found.goal_effect:
        return None
    if found.hold_out_price is not None:
        return voice.say("price_in_money", count=voice.count(held), money=voice.money(found.hold_out_price))
    return voice.say("price_in_orders", count=voice.count(held), orders=voice.count(round(held * found.goal_effect)))


@shows("limner.app.launching:Launched")
def launched(found: Launched, voice: Voice) -> str:
    """What was reserved and dropped, what was handed over, and when the next message is due."""
    due = voice.minute(found.next_due_at) if found.next_due_at else None
    facts = pairs(
        [
            (voice.say("plan"), found.plan_id),
            (voice.say("reserved"), voice.count(found.reserved)),
            (voice.say("held_out"), voice.count(found.held_out)),
            (voice.say("dropped"), reasons(found.dropped, "why_refused", voice)),
            *_sent(found, voice),
            (voice.say("cost"), voice.money(found.cost, digits=2)),
            (voice.say("next_due"), due),
        ]
    )
    return blocks(facts, voice.say("queued_note", due=due, plan_id=found.plan_id) if due else "")


def _sent(found: Launched | Delivered, voice: Voice) -> list[tuple[str, object]]:
    return [
        (voice.say("handed_over"), voice.count(found.handed_over)),
        (voice.say("waiting"), voice.count(found.waiting) if found.waiting else None),
        (voice.say("released"), reasons(found.released, "why_refused", voice)),
        (voice.say("failed"), reasons(found.failed, "why_unsent", voice)),
        (voice.say("uncertain"), voice.count(found.uncertain) if found.uncertain else None),
    ]


@shows("limner.flow.channels.deliver:Delivered")
def delivered(found: Delivered, voice: Voice) -> str:
    """What one delivery handed over."""
    due = voice.minute(found.next_due_at) if found.next_due_at else None
    cost = voice.money(found.cost, digits=2)
    return pairs([*_sent(found, voice), (voice.say("cost"), cost), (voice.say("next_due"), due)])


@shows("limner.app.planning:Explained")
def explained(found: Explained, voice: Voice) -> str:
    """The answer and its reason, then every alternative and the first rule that says no to it."""
    section = "why_held_out" if found.answer == "held_out" else "why_refused"
    facts = pairs(
        [
            (voice.say("customer"), found.customer_id),
            (voice.say("plan"), found.plan_id),
            (voice.say("answer"), voice.say(found.answer)),
            (voice.say("because"), reason(found.reason, section, voice) if found.reason else None),
            (voice.say("offer"), found.offer),
            (voice.say("channel"), found.channel),
            (voice.say("moment"), voice.minute(found.moment) if found.moment else None),
            (voice.say("worth"), voice.money(found.value, digits=2)),
        ]
    )
    heads = [voice.say(head) for head in ("offer", "channel", "moment", "answer", "cost")]
    rows = [
        [
            one.offer,
            one.channel,
            voice.minute(one.moment) if one.moment else "–",
            reason(one.reason, "why_refused", voice) if one.reason else voice.say("possible"),
            voice.money(one.cost, digits=2),
        ]
        for one in found.alternatives
    ]
    return blocks(facts, table(heads, rows, left=4) if rows else "")
