"""`taxonomy show`, `taxonomy read` and `taxonomy gaps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.taxonomies import TaxonomyGaps, TaxonomyRead, TaxonomyShown


@shows("limner.app.taxonomies:TaxonomyShown")
def shown(found: TaxonomyShown, voice: Voice) -> str:
    """How many nodes each level has, then the nodes asked for, indented by level."""
    top = min((node.level for node in found.nodes), default=1)
    rows = [
        ["  " * (node.level - top) + node.path.rpartition("/")[2], node.path_en.rpartition("/")[2], _below(node, voice)]
        for node in found.nodes
    ]
    heads = [voice.say(head) for head in ("node", "english", "below")]
    return blocks(_levels(found.id, found.levels, voice), table(heads, rows, left=2))


@shows("limner.app.taxonomies:TaxonomyRead")
def read(found: TaxonomyRead, voice: Voice) -> str:
    """What was read, and where it stands now."""
    return blocks(_levels(found.id, found.levels, voice), voice.say("taxonomy_written", path=clean(str(found.written))))


@shows("limner.app.taxonomies:TaxonomyGaps")
def gaps(found: TaxonomyGaps, voice: Voice) -> str:
    """The share that leads to nodes, then what leads nowhere, the heaviest first."""
    share = found.led_points / found.points if found.points else 0.0
    led, rows = voice.count(found.led_rows), voice.count(found.rows)
    head = voice.say("taxonomy_led", tag=clean(found.tag), led=led, rows=rows, share=voice.share(share))
    if not found.nowhere:
        return head
    lines = [
        [gap.item_id, gap.category, gap.text, voice.count(gap.rows), voice.count(gap.points)] for gap in found.nowhere
    ]
    heads = [voice.say(word) for word in ("item", "category", "text", "rows", "points")]
    return blocks(head, table(heads, lines, left=3))


def _levels(name: str, levels: tuple[int, ...], voice: Voice) -> str:
    return voice.say("taxonomy_levels", name=clean(name), levels=" / ".join(voice.count(count) for count in levels))


def _below(node: object, voice: Voice) -> str:
    below = int(getattr(node, "below", 0))
    return voice.count(below) if below else ""
