"""`audience venn|layers|worth`."""

from __future__ import annotations

from decimal import Decimal
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
            voice.told(one.members),
            voice.told(one.outside),
            voice.told(one.covered) if one.parts else "–",
            voice.told(one.in_several) if one.parts else "–",
        ]
        for one in found.branches
    ]
    return blocks(table(head, rows), "", table(heads, tree, left=2)) if rows or tree else voice.say("no_layers")


def _layer(one: Layer, customers: int | None, voice: Voice) -> list[str]:
    wanted = f"{one.least} – {one.most}" if one.most else "–"
    share = "" if one.covered is None else f" ({voice.share(one.covered / customers) if customers else '–'})"
    covered = f"{voice.told(one.covered)}{share}"
    many = voice.count(one.audiences) + ("" if one.is_in_bounds else " !")
    return [voice.say(f"layer_{one.name}"), many, wanted, covered, voice.told(one.in_several)]


@shows("limner.flow.audiences.worth:Worth")
def worth(found: Worth, voice: Voice) -> str:
    """From one action for all on, what each audience adds and whether that pays."""
    start = _action(found.start_action, voice) + (f": {voice.money(found.start)}" if found.start is not None else "")
    head = pairs(
        [
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("customers"), voice.told(found.customers)),
            (voice.say("one_for_all"), start),
            (voice.say("fixed_cost"), voice.money(found.cost)),
        ]
    )
    heads = [voice.say(one) for one in ("audience", "best_action", "customers", "adds", "less_cost", "worth_it")]
    rows = [
        [
            one.audience,
            _action(one.action, voice),
            voice.told(one.customers),
            _earned(one.gain, voice),
            _earned(one.profit, voice),
            "●" if one.is_worth_it else "",
        ]
        for one in found.additions
    ]
    return blocks(head, table(heads, rows, left=2))


def _action(action: str | None, voice: Voice) -> str:
    return voice.say("too_few") if action is None else action or voice.say("leave_alone")


def _earned(amount: Decimal | None, voice: Voice) -> str:
    return voice.say("too_few") if amount is None else voice.money(amount, is_signed=True)
