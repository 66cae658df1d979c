"""`audience count|list|show|overlap|portrait` and `customer show`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice
from limner.flow.audiences.portrait import Portrait as TgiPortrait

if TYPE_CHECKING:
    from limner.app.asking import Counted, Listed, Shown
    from limner.app.portraying import Portrayed, View
    from limner.core.ours import Profile
    from limner.flow.audiences import Overlap, Portrait
    from limner.flow.audiences.portrait import Trait

MOST = 30


@shows("limner.app.asking:Counted")
def counted(found: Counted, voice: Voice) -> str:
    """How many, identified and anonymous, and reachable per channel."""
    reach = [(voice.say("reachable", channel=name), voice.told(size)) for name, size in found.reachable.items()]
    return pairs(
        [
            (voice.say("rule"), found.rule),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("customers"), voice.told(found.count)),
            (voice.say("identified"), voice.told(found.identified)),
            (voice.say("anonymous"), voice.told(found.anonymous)),
            *reach,
            (voice.say("took"), f"{found.elapsed_ms:g} ms"),
        ]
    )


@shows("limner.app.asking:Listed")
def listed(found: Listed, voice: Voice) -> str:
    """The first customers with some of their tags, or the file they stand in."""
    if found.file:
        return voice.say("written", count=voice.count(found.total), file=found.file)
    rows = [[_value(row.get(name), voice) for name in found.columns] for row in found.rows]
    more = voice.say("of_total", shown=voice.count(len(found.rows)), total=voice.count(found.total))
    return blocks(table(found.columns, rows, left=len(found.columns)), more)


@shows("limner.app.asking:Shown")
def shown(found: Shown, voice: Voice) -> str:
    """The name, the rule as it is written, and the size."""
    title = f"{found.name} ({found.id})" if found.name else found.id
    head = pairs([(voice.say("audience"), title), (voice.say("rule"), found.rule)])
    return blocks(head, counted(found.counted, voice))


@shows("limner.flow.audiences.overlap:Overlap")
def overlap(found: Overlap, voice: Voice) -> str:
    """A square of audiences: of those in the row, how many are in the column too."""
    rows = []
    for i, name in enumerate(found.names):
        parts = [None if i == j else found.share(i, j) for j in range(len(found.names))]
        cells = [
            voice.told(n) + ("" if part is None else f" ({voice.share(part, 0)})")
            for n, part in zip(found.shared[i], parts, strict=True)
        ]
        rows.append([name, *cells])
    return table([voice.say("overlap_head"), *map(clean, found.names)], rows)


@shows("limner.flow.audiences.portrait:Portrait")
def portrait(found: Portrait, voice: Voice) -> str:
    """The answers that set it apart, farthest from 100 first; ● where it stands out beyond doubt."""
    title = voice.say(
        "portrait_of",
        rule=found.rule,
        group=voice.count(found.group),
        against=voice.word("answers", found.against),
        base=voice.count(found.base),
    )
    heads = [voice.say(head) for head in ("answer", "share", "share_of_base", "tgi", "interval_head", "beyond_doubt")]
    rows = [_trait(trait, voice) for trait in found.traits[:MOST]]
    more = len(found.traits) - MOST
    return blocks(clean(title), table(heads, rows), voice.say("more", count=voice.count(more)) if more > 0 else "")


@shows("limner.app.portraying.contents:Portrayed")
def portrayed(found: Portrayed, voice: Voice) -> str:
    """The text, then the answers that set it apart; the file of the page, if one was written."""
    plain = TgiPortrait(found.rule, found.against, found.asof, found.group, found.base, found.traits, found.confidence)
    written = voice.say("portrait_written", file=found.file) if found.file else ""
    grid = found.view("rfm_grid")
    parts = [portrait(plain, voice) if found.traits else "", _rfm_grid(grid, voice) if grid is not None else ""]
    return blocks(*map(clean, found.text), *parts, written)


def _rfm_grid(view: View, voice: Voice) -> str:
    """Recency by frequency, the best levels first: customers, share, index and mean spend."""
    heads = [voice.say(head) for head in ("rfm_levels", "customers", "share", "share_of_base", "tgi", "mean_spend")]
    rows = []
    for one in sorted(view.traits, key=lambda t: [-int(level) for level in t.answer.split("\t")]):
        recency, frequency = one.answer.split("\t")
        spend = view.spend.get(one.answer)
        rows.append(
            [
                f"R{recency} F{frequency}",
                voice.count(one.group),
                voice.share(one.group_share),
                voice.share(one.base_share),
                f"{one.tgi:.0f}" if one.is_supported else voice.say("too_few"),
                "–" if spend is None else voice.money(spend),
            ]
        )
    return table(heads, rows)


def _trait(trait: Trait, voice: Voice) -> list[str]:
    high = "∞" if trait.high == float("inf") else f"{trait.high:.0f}"
    return [
        f"{trait.column} = {voice.word('rfm' if trait.column.startswith('rfm') else 'answers', trait.answer)}",
        voice.share(trait.group_share),
        voice.share(trait.base_share),
        f"{trait.tgi:.0f}",
        f"{trait.low:.0f} – {high}",
        "●" if trait.is_clear else "" if trait.is_supported else voice.say("too_few"),
    ]


@shows("limner.core.ours:Profile")
def profile(found: Profile, voice: Voice) -> str:
    """One customer: traits, then tags, then which channels may be used."""
    head = pairs(
        [
            (voice.say("customer"), found.customer_id),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("kind"), voice.say("identified" if found.is_identified else "anonymous")),
        ]
    )
    traits = [(voice.word("traits", name), _value(value, voice)) for name, value in sorted(found.traits.items())]
    tags = [(name, _value(value, voice)) for name, value in sorted(found.tags.items())]
    allowed = [(name, voice.say("may" if yes else "may_not")) for name, yes in sorted(found.consents.items())]
    parts = [head]
    for title, rows in (("traits_head", traits), ("tags", tags), ("channels_head", allowed)):
        if rows:
            parts += [voice.say(title), pairs(rows, indent="  ")]
    return blocks(*parts)


def _value(value: object, voice: Voice) -> str:
    """One answer as text; unknown is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return voice.word("answers", "yes" if value else "no")
    if isinstance(value, datetime):
        return voice.minute(value)
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return voice.word("rfm", voice.word("answers", str(value)))
