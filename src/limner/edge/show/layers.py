"""`audience venn|layers|worth`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.flow.audiences.layers import Layer, Layers
    from limner.flow.audiences.venn import Venn
    from limner.flow.audiences.worth import Worth


@shows("limner.flow.audiences.venn:Venn")
def venn(found: Venn, voice: Voice) -> str:
    """One part a line, ● for the audiences it lies in."""
    rows = [
        [
            *("●" if name in one.inside else "" for name in found.names),
            voice.told(one.count),
        ]
        for one in found.regions
    ]
    return table([*map(clean, found.names), voice.say("customers")], rows, left=len(found.names))


@shows("limner.flow.audiences.layers:Layers")
def layers(found: Layers, voice: Voice) -> str:
    """The layers with what they cover, then the tree."""
    head = [voice.say(one) for one in ("layer", "audiences_in", "audiences_wanted", "covered", "in_several")]
    rows = [_layer(one, found.customers, voice) for one in found.layers]
    heads = [voice.say(one) for one in ("audience", "layer", "customers", "outside_parent", "in_parts", "in_several")]
    tree = [
        [
            "  " * one.depth + (f"{one.name} ({one.id})" if one.name else one.id),
            voice.say(f"layer_{one.layer}") if one.layer else "–",
            voice.count(one.members),
            voice.count(one.outside),
            voice.count(one.covered) if one.parts else "–",
            voice.count(one.in_several) if one.parts else "–",
        ]
        for one in found.branches
    ]
    return blocks(table(head, rows), "", table(heads, tree, left=2)) if rows or tree else voice.say("no_layers")


def _layer(one: Layer, customers: int, voice: Voice) -> list[str]:
    wanted = f"{one.least} – {one.most}" if one.most else "–"
    covered = f"{voice.count(one.covered)} ({voice.share(one.covered / customers) if customers else '–'})"
    many = voice.count(one.audiences) + ("" if one.is_in_bounds else " !")
    return [voice.say(f"layer_{one.name}"), many, wanted, covered, voice.count(one.in_several)]


@shows("limner.flow.audiences.worth:Worth")
def worth(found: Worth, voice: Voice) -> str:
    """From one action for all on, what each audience adds and whether that pays."""
    best = found.start_action or voice.say("leave_alone")
    head = pairs(
        [
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("customers"), voice.count(found.customers)),
            (voice.say("one_for_all"), f"{best}: {voice.money(found.start)}"),
            (voice.say("fixed_cost"), voice.money(found.cost)),
        ]
    )
    heads = [voice.say(one) for one in ("audience", "best_action", "customers", "adds", "less_cost", "worth_it")]
    rows = [
        [
            one.audience,
            one.action or voice.say("leave_alone"),
            voice.count(one.customers),
            voice.money(one.gain, is_signed=True),
            voice.money(one.profit, is_signed=True),
            "●" if one.is_worth_it else "",
        ]
        for one in found.additions
    ]
    return blocks(head, table(heads, rows, left=2))
