"""`demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, pairs, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.edge.demo.play import Played
    from limner.edge.demo.retail import Rehearsed
    from limner.flow.measures.measured import Measured


@shows("limner.edge.demo.play:Played")
def played(found: Played, voice: Voice) -> str:
    """Each campaign with its lift, its truth and its verdict, then where the report is."""
    names = ("wave", "campaign", "lift", "interval_head", "truth", "money_in_all", "verdict")
    heads = [voice.say(name) for name in names]
    rows = [
        [wave.number, *_row(one, voice, getattr(wave.truths.get(name), "lift", None))]
        for wave in found.waves
        for name, one in wave.measured.items()
    ]
    facts = pairs(
        [
            (voice.say("customers"), voice.count(found.customers)),
            (voice.say("events"), voice.count(found.events)),
            (voice.say("report"), found.report),
        ]
    )
    return blocks(table(heads, rows, left=2), facts)


@shows("limner.edge.demo.retail:Rehearsed")
def rehearsed(found: Rehearsed, voice: Voice) -> str:
    """Each rehearsed campaign with its interval, then where the report is."""
    heads = [voice.say(head) for head in ("campaign", "lift", "interval_head", "truth")]
    rows = [_row(one, voice, 0.0)[:4] for one in found.measured]
    return blocks(voice.say("not_contacted"), table(heads, rows), pairs([(voice.say("report"), found.report)]))


def _row(one: Measured, voice: Voice, truth: float | None) -> list[str]:
    lift = one.lift("conversion")
    told = lift.found if lift else None
    return [
        one.name,
        "–" if told is None else voice.points(told.estimate, 2),
        "–" if told is None else voice.say("interval", low=voice.points(told.low, 2), high=voice.points(told.high, 2)),
        "" if truth is None else voice.points(truth, 2),
        "–" if one.money is None else voice.money(one.money.estimate, is_signed=True),
        voice.word("verdicts", one.verdict.value),
    ]
