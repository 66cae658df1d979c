"""`lifecycle`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, table
from limner.edge.show.registry import shows
from limner.edge.voice import DASH, Voice

if TYPE_CHECKING:
    from limner.app.lifecycles import Expected, Lifecycle, Move, Returned


@shows("limner.app.lifecycles:Lifecycle")
def lifecycle(found: Lifecycle, voice: Voice) -> str:
    """Where customers stand, how they moved, who bought again, what is to be expected, and how the last forecast came
    true."""
    head = voice.say("life_head", name=clean(found.name or found.tag), asof=voice.day(found.asof))
    if not any(standing.customers for standing in found.stages):
        return blocks(head, voice.say("life_nobody"))
    standing = table(
        _heads(voice, "life_stage", "customers", "share"),
        [[_stage(one.stage, voice), _count(one.customers, voice), _share(one.share, voice)] for one in found.stages],
    )
    entered = voice.say("life_entered", count=f"{found.entered:,.0f}", days=found.step)
    moved = blocks(voice.say("life_moves", steps=found.steps, days=found.step), _moves(found, voice), entered)
    again = blocks(voice.say("life_returned", days=found.step), _returned(found.returned, voice))
    parts = [head, standing, moved, again]
    if found.expected:
        parts += [voice.say("life_expected"), _expected(found.expected, voice)]
    if found.tested:
        parts += [voice.say("life_tested", days=found.step), _expected(found.tested, voice, has_came=True)]
    return blocks(*parts)


def _heads(voice: Voice, *words: str) -> list[str]:
    return [voice.say(word) for word in words]


def _stage(stage: str, voice: Voice) -> str:
    return voice.word("answers", stage)


def _count(count: int | None, voice: Voice) -> str:
    return DASH if count is None else voice.count(count)


def _share(share: float | None, voice: Voice) -> str:
    return DASH if share is None else voice.share(share)


def _moves(found: Lifecycle, voice: Voice) -> str:
    """A row for each stage they came from, a column for each they went to: share, and the interval in brackets."""
    stages = [one.stage for one in found.stages]
    at = {(move.before, move.after): move for move in found.moves}
    heads = [voice.say("life_before"), *(_stage(stage, voice) for stage in stages)]
    return table(heads, [[_stage(a, voice), *(_move(at[a, b], voice) for b in stages)] for a in stages])


def _move(move: Move, voice: Voice) -> str:
    if move.share is None or move.low is None or move.high is None:
        return DASH
    return f"{voice.share(move.share)} ({move.low * 100:.1f}–{move.high * 100:.1f})"


def _returned(rows: tuple[Returned, ...], voice: Voice) -> str:
    body = []
    for row in rows:
        if row.share is None or row.low is None or row.high is None:
            body.append([_stage(row.stage, voice), _count(row.customers, voice), _count(row.bought, voice), DASH, DASH])
            continue
        interval = voice.say("interval", low=voice.share(row.low), high=voice.share(row.high))
        counts = [_count(row.customers, voice), _count(row.bought, voice)]
        body.append([_stage(row.stage, voice), *counts, voice.share(row.share), interval])
    return table(_heads(voice, "life_stage", "customers", "life_bought", "share", "interval_head"), body)


def _expected(rows: tuple[Expected, ...], voice: Voice, *, has_came: bool = False) -> str:
    heads = _heads(voice, "life_day", "life_stage", "life_customers_expected", "interval_head")
    body = []
    for row in rows:
        interval = voice.say("interval", low=f"{row.low:,.0f}", high=f"{row.high:,.0f}")
        line = [voice.day(row.asof), _stage(row.stage, voice), f"{row.customers:,.0f}", interval]
        body.append([*line, *([_count(row.came, voice)] if has_came else [])])
    return table([*heads, *([voice.say("life_came")] if has_came else [])], body, left=2)
