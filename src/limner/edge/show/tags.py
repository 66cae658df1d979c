"""`tags`, the page of a tag, `tag publish|retire|undo`, `why`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows, shows_many
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.tags.acts import TagAct
    from limner.app.tags.pages import Quality, TagPage, TagRow
    from limner.app.tags.scores import Share
    from limner.app.tags.why import Input, NodeAnswer, Why
    from limner.flow.tags.figures import Extent


@shows("limner.app.tags.acts:TagAct")
def tag_act(found: TagAct, voice: Voice) -> str:
    """What the tag was and is, and that the next run shows it."""
    states = [voice.word("tag_states", state) for state in (found.before, found.state)]
    head = pairs(
        [
            (voice.say("tag"), f"{found.name} ({found.tag})" if found.name else found.tag),
            (voice.say("tag_state"), " → ".join(states)),
            (voice.say("version"), found.version),
            (voice.say("why"), found.why),
        ]
    )
    return blocks(head, voice.say("tag_run_next"))


@shows("limner.app.tags.why:Why")
def why(found: Why, voice: Voice) -> str:
    """The answer, then what was read for it: conditions, rows, inputs, or the model's card."""
    head = pairs(
        [
            (voice.say("tag"), f"{found.name} ({found.column})" if found.name != found.column else found.column),
            (voice.say("kind"), voice.word("tag_kinds", found.kind)),
            (voice.say("customer"), found.customer_id),
            (voice.say("asof"), voice.minute(found.asof)),
            (
                voice.say("answer"),
                _value(found.value, voice) if found.value is not None else voice.say("unknown_answer"),
            ),
        ]
    )
    card = dict(found.card or {})
    facts = [
        (voice.word("card", name), _value(value, voice)) for name, value in card.items() if not isinstance(value, dict)
    ]
    nodes = "\n".join(_node(node, voice) for node in found.nodes)
    rows = (
        voice.say("why_rows", shown=voice.count(len(found.rows)), total=voice.count(found.total)) if found.total else ""
    )
    said = [*_made(found, voice), *_worth(found, voice)]
    return blocks(head, *said, pairs(facts), nodes, rows, _rows(found.rows, voice), _inputs(found.inputs, voice))


def _made(found: Why, voice: Voice) -> list[str]:
    """How a learned chance is made up, a sentence for each input."""
    made = found.made
    if made is None:
        return []
    times = {"average": math.exp(made.average), "odds": math.exp(made.log_odds)}
    numbers = {name: f"{value:.3g}" for name, value in times.items()}
    chance = voice.share(1 / (1 + math.exp(-made.log_odds)))
    head = voice.say("made_of", customers=voice.count(made.customers), chance=chance, **numbers)
    lines = [f"  {_share(share, voice)}" for share in made.shares]
    right = voice.say("made_right", times=f"{math.exp(made.put_right):.3g}")
    return ["\n".join([head, *lines, f"  {right}"])]


def _share(share: Share, voice: Voice) -> str:
    times = f"{math.exp(share.log_odds):.3g}"
    if not share.column:
        return voice.say("made_rest", times=times)
    named = (share.name or share.name_en) if voice.lang == "zh" else (share.name_en or share.name)
    name = f"{named} ({share.column})" if named else share.column
    value = voice.say("unknown_answer") if share.value is None else _value(share.value, voice)
    return clean(voice.say("made_share", name=name, value=value, times=times))


def _worth(found: Why, voice: Voice) -> list[str]:
    """What a lifetime value is reckoned from, and the figures on the way to it."""
    worth = found.worth
    if worth is None:
        return []
    told = {
        "age": voice.count(worth.age_days),
        "last": voice.count(worth.last_days),
        "repeats": voice.count(worth.repeats),
    }
    lines = [voice.say("worth_history" if worth.repeats else "worth_once", mean=f"{worth.mean:,.2f}", **told)]
    figures = {"alive": voice.share(worth.alive), "days": voice.count(worth.horizon_days)}
    if worth.if_alive is not None:
        often = {"if_alive": f"{worth.if_alive:,.3f}", "purchases": f"{worth.purchases:,.3f}"}
        lines.append(voice.say("worth_purchases", **figures, **often))
    if worth.each is not None and worth.value is not None:
        money = {"each": f"{worth.each:,.2f}", "margin": voice.share(worth.margin), "value": f"{worth.value:,.2f}"}
        lines.append(voice.say("worth_value", purchases=f"{worth.purchases:,.3f}", **money))
    else:
        lines.append(voice.say("worth_unknown"))
    return ["\n".join(lines)]


def _node(node: NodeAnswer, voice: Voice) -> str:
    said = node.zh if voice.lang == "zh" else node.en
    read = voice.say("sep").join(f"{name} = {_value(value, voice) or '–'}" for name, value in node.read.items())
    return clean(f"{'  ' * node.depth}{'✓' if node.holds else '✗'} {said}{f'  [{read}]' if read else ''}")


def _rows(rows: Sequence[Mapping[str, Any]], voice: Voice) -> str:
    heads = list(dict.fromkeys(name for row in rows for name in row))
    told = [[_value(row.get(name), voice) for name in heads] for row in rows]
    return table([voice.word("why_columns", name) for name in heads], told, left=len(heads)) if rows else ""


def _inputs(inputs: Sequence[Input], voice: Voice) -> str:
    heads = [voice.say(head) for head in ("stands_on", "answer", "why_place")]
    rows = [
        [one.column, _value(one.value, voice) or "–", "–" if one.place is None else voice.share(one.place, 0)]
        for one in inputs
    ]
    return table(heads, rows) if rows else ""


def _value(value: object, voice: Voice) -> str:
    if isinstance(value, bool):
        return voice.word("answers", "yes" if value else "no")
    if isinstance(value, datetime):
        return voice.minute(value)
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else voice.word("rfm", voice.word("answers", str(value)))


_QUALITIES = ("attention", "stability", "safety", "optimisation")


@shows_many("limner.app.tags.pages:TagRow")
def tag_rows(found: Sequence[TagRow], voice: Voice) -> str:
    """One tag a line, by path."""
    heads = (
        "tag",
        "kind",
        "tag_state",
        "coverage",
        "drift",
        "users",
        "attention",
        "stability",
        "safety",
        "optimisation",
    )
    rows = [
        [
            f"{row.name} ({row.id})" if row.name else row.id,
            voice.word("tag_kinds", row.kind),
            voice.word("tag_states", row.state),
            _coverage(row, voice),
            "–" if row.drift is None else f"{row.drift:.3f}",
            voice.count(row.users),
            *("–" if n is None else str(n) for n in (row.attention, row.stability, row.safety, row.optimisation)),
        ]
        for row in found
    ]
    return table([voice.say(head) for head in heads], rows, left=3)


def _coverage(row: TagRow, voice: Voice) -> str:
    """The share of the customers with an answer; of several columns those of the least and the most answered one."""
    if row.least_covered is not None and row.most_covered is not None:
        return f"{voice.share(row.least_covered, 0)} – {voice.share(row.most_covered, 0)}"
    if row.coverage is None:
        return voice.say("too_few") if "coverage" in row.too_few else "–"
    return voice.share(row.coverage, 0)


@shows("limner.app.tags.pages:TagPage")
def page(found: TagPage, voice: Voice) -> str:
    """What the catalogue knows of a tag beside what it asks."""
    one = found.figures
    numbers = ", ".join("–" if value is None else f"{value:.4g}" for value in one.quantiles) if one else ""
    facts = [
        (voice.say("tag_state"), voice.word("tag_states", found.state)),
        (voice.say("waiting"), found.waiting),
        (voice.say("owner"), found.owner),
        (voice.say("sensitivity"), voice.word("tag_classes", found.sensitivity)),
        (voice.say("users"), ", ".join(found.users)),
        (voice.say("newest_read"), None if found.newest_at is None else voice.minute(found.newest_at)),
        (voice.say("holding"), f"{voice.told(one.held)} / {voice.count(one.customers)}" if one else ""),
        (voice.say("columns"), _extent(one.extent, voice) if one else ""),
        (voice.say("quantiles"), numbers),
        (voice.say("drift"), f"{one.drift:.3f}" if one and one.drift is not None else ""),
        (voice.say("accuracy"), _accuracy(found, voice)),
        (voice.say("cost"), _cost(found, voice)),
    ]
    marks = [(voice.say(name), _quality(quality, voice)) for name, quality in found.qualities.items()]
    history = [
        f"  {voice.minute(told.happened_at)}  {voice.word('tag_changes', told.what)}  "
        + clean(f"{told.version}  {told.actor}  {told.why}")
        for told in found.history
    ]
    return blocks(pairs(facts), pairs(marks), *(line.rstrip() for line in history))


def _accuracy(found: TagPage, voice: Voice) -> str:
    one = found.figures.accuracy if found.figures else None
    if one is None:
        return voice.say("too_few") if found.figures and "accuracy" in found.figures.too_few else ""
    if not one.can_say:
        return voice.say("accuracy_cannot", base=voice.count(one.base))
    bounds = voice.say("interval", low=voice.share(one.low), high=voice.share(one.high))
    share = voice.share(one.right / one.base)
    return voice.say(
        "accuracy_of", share=share, interval=bounds, base=voice.count(one.base), usual=voice.share(one.usual)
    )


def _extent(found: Extent | None, voice: Voice) -> str:
    """How many columns there are, and the customers with an answer in the least and in the most answered one."""
    if found is None:
        return ""
    ends = ((found.least_column, found.least), (found.most_column, found.most))
    least, most = (f"{name} {voice.count(size)}" for name, size in ends)
    return voice.say("columns_from_to", count=voice.count(found.columns), least=least, most=most)


def _cost(found: TagPage, voice: Voice) -> str:
    size = f"{found.figures.bytes / 1024:,.0f} KiB" if found.figures else ""
    seconds = "" if found.seconds is None else f"{found.seconds:.3f} s"
    return voice.say("sep").join(part for part in (seconds, size) if part)


def _quality(quality: Quality, voice: Voice) -> str:
    value = voice.say("cannot_say") if quality.value is None else str(quality.value)
    parts = voice.say("sep").join(f"{voice.word('quality_parts', name)} {part}" for name, part in quality.parts.items())
    return f"{value} ({parts})" if parts else value
