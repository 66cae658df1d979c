"""`audience explain|funnel|estimate|changes|freeze`, `audiences`, and questions called off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.edge.say import say_error
from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows, shows_many
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.carrying import Carried
    from limner.app.questions import Cancelled
    from limner.app.saved import Changed, Frozen, SavedAudience
    from limner.flow.audiences.estimate import Estimate
    from limner.flow.audiences.nodes import Funnel, Nodes


@shows("limner.flow.audiences.nodes:Nodes")
def nodes(found: Nodes, voice: Voice) -> str:
    """The tree, a line a node, each with its count and its share of all."""
    rows = [
        [
            "  " * node.path.count(".") + (node.text or voice.say(f"joint_{node.kind}")),
            voice.told(node.count),
            "–" if node.count is None or not found.customers else voice.share(node.count / found.customers),
        ]
        for node in found.root.walk()
    ]
    head = pairs(
        [(voice.say("asof"), voice.minute(found.asof)), (voice.say("customers"), voice.count(found.customers))]
    )
    return blocks(head, table([clean(found.rule), voice.say("customers"), voice.say("share")], rows))


@shows("limner.flow.audiences.nodes:Funnel")
def funnel(found: Funnel, voice: Voice) -> str:
    """One condition a line: how many are left, how many dropped, and what it alone would leave."""
    heads = [voice.say(head) for head in ("condition", "left_over", "dropped_here", "alone", "without_it")]
    before: int | None = found.customers
    rows: list[list[str]] = [[voice.say("everybody"), voice.told(before), "", "", ""]]
    for step in found.steps:
        share = voice.share(step.dropped / before, 0) if before and step.dropped is not None else "–"
        dropped = voice.told(step.dropped) + ("" if step.dropped is None else f" ({share})")
        rows.append([step.text, voice.told(step.left), dropped, voice.told(step.alone), voice.told(step.without)])
        before = step.left
    return blocks(pairs([(voice.say("asof"), voice.minute(found.asof))]), table(heads, rows))


@shows("limner.flow.audiences.estimate:Estimate")
def estimate(found: Estimate, voice: Voice) -> str:
    """About how many and between which bounds; or the exact count, said so."""
    if found.count is None or found.low is None or found.high is None:
        size = voice.say("too_few")
    elif found.is_exact:
        size = voice.say("exactly", count=voice.count(found.count))
    else:
        bounds = voice.say("interval", low=voice.count(found.low), high=voice.count(found.high))
        size = voice.say("about", count=voice.count(found.count), interval=bounds)
    looked = voice.say("of_total", shown=voice.count(found.looked_at), total=voice.count(found.customers))
    return pairs(
        [
            (voice.say("rule"), found.rule),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("customers"), size),
            (voice.say("looked_at"), looked),
        ]
    )


@shows("limner.app.questions:Cancelled")
def cancelled(found: Cancelled, voice: Voice) -> str:
    """The question that was called off."""
    return voice.say("question_cancelled", question=clean(found.question))


@shows_many("limner.app.saved:SavedAudience")
def saved_audiences(found: Sequence[SavedAudience], voice: Voice) -> str:
    """One audience a line: how many, since when, who came and went, and why it is stale."""
    heads = ("audience", "kind", "customers", "asof", "came", "went", "stale")
    rows = table([voice.say(head) for head in heads], [_saved(one, voice) for one in found], left=2)
    refused = dict.fromkeys(say_error(one.refused, voice.lang) for one in found if one.refused is not None)
    return blocks(rows, *(voice.say("audience_refused", why=clean(why)) for why in refused))


def _saved(one: SavedAudience, voice: Voice) -> list[str]:
    kind = voice.say("frozen_on", day=voice.day(one.frozen_at)) if one.frozen_at else one.selector
    counts = {"members": one.members, "came": one.came, "went": one.went}
    numbers = [voice.told(n) if n is not None or name in one.too_few else "–" for name, n in counts.items()]
    stale = voice.say("sep").join(voice.say(f"stale_{why}") for why in one.stale)
    name = f"{one.name} ({one.id})" if one.name else one.id
    return [name, kind, numbers[0], voice.minute(one.asof) if one.asof else "–", numbers[1], numbers[2], stale or "–"]


@shows("limner.app.saved:Changed")
def changed(found: Changed, voice: Voice) -> str:
    """How many before and now, and the first of those who came and who left."""
    head = pairs(
        [
            (voice.say("audience"), found.audience),
            (voice.say("since"), f"{voice.minute(found.since)}: {voice.told(found.before)}"),
            (voice.say("asof"), f"{voice.minute(found.asof)}: {voice.told(found.size)}"),
            (voice.say("came"), voice.told(found.came)),
            (voice.say("went"), voice.told(found.went)),
            (voice.say("gone"), None if found.gone == 0 else voice.told(found.gone)),
        ]
    )
    rows = [["+", one] for one in found.came_ids] + [["−", one] for one in found.went_ids]
    return blocks(head, table(["", voice.say("customer")], rows, left=2) if rows else "")


@shows("limner.app.carrying:Carried")
def exported(found: Carried, voice: Voice) -> str:
    """The file, how many are in it, and how many are not and why."""
    why = "allowed_left_out" if found.is_suppression else "not_allowed_left_out"
    return pairs(
        [
            (voice.say("file"), found.file),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("audience"), voice.count(found.audience)),
            (voice.say(why), voice.count(found.not_allowed) if found.not_allowed else None),
            (voice.say("no_address_left_out"), voice.count(found.no_address) if found.no_address else None),
            (voice.say("rows"), voice.count(found.rows)),
        ]
    )


@shows("limner.app.saved:Frozen")
def frozen(found: Frozen, voice: Voice) -> str:
    """The audience, and the members it keeps."""
    audience, asof = clean(found.audience), voice.minute(found.asof)
    if found.members is None:
        return voice.say("frozen_few", audience=audience, asof=asof)
    return voice.say("frozen", audience=audience, count=voice.count(found.members), asof=asof)
