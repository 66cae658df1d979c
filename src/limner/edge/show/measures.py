"""`measure` and `report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, pairs, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.reporting import Report
    from limner.flow.measures.measured import Lift, Measured
    from limner.maths.lift import Estimate


@shows("limner.flow.measures.measured:Measured")
def measured(found: Measured, voice: Voice) -> str:
    """Both arms, every metric with its interval, the money in all, the verdict and the next step."""
    title = f"{found.name} · {found.experiment} · {voice.minute(found.asof)}"
    heads = [voice.say(head) for head in ("arm", "customers", "converted", "rate", "revenue", "money")]
    arms = [
        [
            voice.word("arms", arm.arm),
            voice.count(arm.customers),
            voice.count(arm.converted),
            "–" if arm.rate is None else voice.share(arm.rate, 2),
            voice.money(arm.revenue),
            voice.money(arm.money),
        ]
        for arm in found.arms
    ]
    metrics = table(
        [voice.say(head) for head in ("metric", "estimate", "interval_head", "accepted")],
        [_metric(lift, voice) for lift in found.lifts],
    )
    facts = pairs(
        [
            (voice.say("money_in_all"), _money(found.money, voice)),
            (voice.say("holdout_price"), _money(found.hold_out_price, voice)),
            (voice.say("verdict"), voice.word("verdicts", found.verdict.value)),
            (voice.say("next_step"), _step(found, voice)),
        ]
    )
    return blocks(title, table(heads, arms), metrics if found.lifts else "", facts, _notes(found, voice))


def _metric(lift: Lift, voice: Voice) -> list[str]:
    name = voice.word("metrics", lift.metric)
    if lift.found is None:
        return [name, "–", voice.say("nothing_to_compare"), ""]
    bound = "" if lift.bound is None else voice.points(lift.bound, 1)
    if lift.is_breached:
        bound = voice.say("breached", bound=bound)
    said = _share if lift.unit == "share" else _amount
    return [name, *said(lift.found, voice), bound]


def _share(found: Estimate, voice: Voice) -> tuple[str, str]:
    low, high = voice.points(found.low, 2), voice.points(found.high, 2)
    return voice.say("points", value=voice.points(found.estimate, 2)), voice.say("interval", low=low, high=high)


def _amount(found: Estimate, voice: Voice, digits: int = 2) -> tuple[str, str]:
    estimate, low, high = (
        voice.money(value, is_signed=True, digits=digits) for value in (found.estimate, found.low, found.high)
    )
    return estimate, voice.say("interval", low=low, high=high)


def _money(found: Estimate | None, voice: Voice) -> str | None:
    if found is None:
        return None
    estimate, interval = _amount(found, voice, 0)
    return voice.say("with_interval", estimate=estimate, interval=interval)


def _step(found: Measured, voice: Voice) -> str:
    until = voice.minute(found.open_until) if found.open_until else ""
    return voice.word("steps", found.step.value).format(more=voice.count(found.more_customers or 0), until=until)


def _notes(found: Measured, voice: Voice) -> str:
    notes = []
    if found.ratio is not None and found.ratio.is_broken:
        planned, seen = voice.share(found.ratio.planned, 2), voice.share(found.ratio.found, 2)
        notes.append(voice.say("ratio_broken", planned=planned, found=seen))
    if found.open_decisions:
        until = voice.minute(found.open_until) if found.open_until else ""
        key = "preliminary" if found.is_preliminary else "still_open"
        notes.append(voice.say(key, count=voice.count(found.open_decisions), until=until))
    if found.uncosted_orders:
        notes.append(voice.say("uncosted", count=voice.count(found.uncosted_orders)))
    return "\n".join(notes)


@shows("limner.app.reporting.contents:Report")
def report(found: Report, voice: Voice) -> str:
    """Where it stands, and its few largest numbers."""
    return pairs(
        [
            (voice.say("report"), found.file),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("customers"), voice.count(found.base.customers)),
            (voice.say("net"), voice.money(found.reconciled.net, digits=2)),
            (voice.say("campaigns"), voice.count(len(found.results)) if found.results else None),
            (voice.say("earned"), _earned(found, voice)),
        ]
    )


def _earned(found: Report, voice: Voice) -> str | None:
    money = found.earned
    if money is None:
        return None
    estimate, low, high = (voice.money(value, is_signed=True) for value in (money.estimate, money.low, money.high))
    return voice.say("with_interval", estimate=estimate, interval=voice.say("interval", low=low, high=high))
