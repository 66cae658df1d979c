"""`audience clusters|lookalike`, `pairings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.flow.audiences.alike import Alike
    from limner.flow.audiences.clustered import Clusters
    from limner.flow.audiences.paired import Pairings, Told

MOST = 15


@shows("limner.flow.audiences.clustered:Clusters")
def clusters(found: Clusters, voice: Voice) -> str:
    """How they were made and how stable they are, then one line a cluster."""
    steady = found.stability
    head = pairs(
        [
            (voice.say("audience"), found.audience),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("learned_at"), voice.minute(found.fitted_at)),
            (voice.say("learned_on"), voice.count(found.rows)),
            (
                voice.say("stability"),
                voice.say("stability_of", mean=f"{steady.mean:.2f}", low=f"{steady.low:.2f}", k=steady.k),
            ),
            (voice.say("stability_tried"), _tried(found)),
            (voice.say("no_answer"), voice.told(found.unknown)),
        ]
    )
    columns = list(found.clusters[0].centre) if found.clusters else []
    heads = [voice.say("cluster"), voice.say("customers"), voice.say("share"), *map(clean, columns)]
    rows = [
        [
            str(one.label),
            voice.count(one.customers),
            voice.share(one.share),
            *(_cell(one.centre[c], voice) for c in columns),
        ]
        for one in found.clusters
    ]
    return blocks(head, table(heads, rows))


def _tried(found: Clusters) -> str:
    return "  ".join(f"{one.k}: {one.mean:.2f}" for one in found.tried) if len(found.tried) > 1 else ""


def _cell(value: float | str, voice: Voice) -> str:
    if isinstance(value, str):
        return voice.word("answers", value) if value else voice.say("other_words")
    return f"{value:,.4g}" if abs(value) < 10_000 else voice.count(round(value))


@shows("limner.flow.audiences.alike:Alike")
def alike(found: Alike, voice: Voice) -> str:
    """Who was learned from and chosen, the curve of likeness by reach, and what was compared."""
    head = pairs(
        [
            (voice.say("audience"), found.audience),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("seeds"), voice.count(found.seeds)),
            (voice.say("pool"), voice.count(found.pool)),
            (voice.say("unreachable"), voice.told(found.unreachable)),
            (
                voice.say("chosen"),
                voice.say("chosen_to", count=voice.count(found.chosen), least=f"{found.likeness:.2f}"),
            ),
            (voice.say("method"), voice.say(f"method_{found.method}")),
            (voice.say("auc_aside"), f"{found.auc:.3f}"),
        ]
    )
    curve = [
        [
            voice.count(one.customers),
            voice.share(one.share),
            f"{one.likeness:.2f}",
            voice.share(one.seeds_found),
            "" if one.lift is None else f"{one.lift:.1f}",
        ]
        for one in found.curve
    ]
    heads = [voice.say(name) for name in ("reach", "share_of_pool", "likeness", "seeds_found", "lift_times")]
    columns = [[one.column, f"{one.weight:.2f}", f"{one.alone:.3f}"] for one in found.columns[:MOST]]
    out = voice.say("sep").join(
        f"{clean(name)} ({voice.say('why_' + why.replace(' ', '_'))})" for name, why in sorted(found.left_out.items())
    )
    return blocks(
        head,
        voice.say("likeness_note"),
        table(heads, curve, left=0),
        table([voice.say(name) for name in ("column", "gain_spread", "auc_alone")], columns),
        voice.say("columns_left_out", columns=out) if out else "",
    )


@shows("limner.flow.audiences.paired:Pairings")
def pairings(found: Pairings, voice: Voice) -> str:
    """What a basket was and how many there are, then one line a pairing."""
    head = pairs(
        [
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("basket"), voice.say(f"basket_{found.basket}") if found.basket.isalpha() else found.basket),
            (voice.say("looked_back"), f"{found.within_days}d"),
            (voice.say("baskets"), voice.count(found.baskets)),
            (voice.say("things"), voice.count(found.things)),
            (voice.say("in_at_least"), voice.count(found.least)),
            (voice.say("sets"), voice.count(found.sets)),
        ]
    )
    heads = ("pairing", "baskets", "confidence", "pairing_lift", "leverage", "beyond_doubt", "on_promotion")
    rows = [_told(one, voice) for one in found.pairings]
    return blocks(head, table([voice.say(name) for name in heads], rows), "" if rows else voice.say("no_pairing"))


def _told(one: Told, voice: Voice) -> list[str]:
    return [
        f"{' + '.join(map(clean, one.names))} → {clean(one.other_name)}",
        voice.count(one.both),
        voice.share(one.confidence),
        f"{one.lift:.2f}",
        f"{one.leverage * 100:.3f}%",
        "●" if one.is_clear else "",
        f"{voice.share(one.promoted, 0)} ▲" if one.is_promoted else voice.share(one.promoted, 0),
    ]
