"""`quality`, `release`, `drop`, `alerts`, and checks that were broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, table
from limner.edge.show.registry import shows, shows_many
from limner.edge.voice import DASH, Voice

if TYPE_CHECKING:
    from limner.app.quality import Quality
    from limner.flow.sources import Dropped, Released
    from limner.flow.sources.quality.alerts import Alert
    from limner.flow.sources.quality.results import CheckResult
    from limner.flow.sources.quality.scoring import Dimension
    from limner.flow.sources.quality.suggested import Suggested


@shows("limner.flow.sources.holding:Released")
def released(found: Released, voice: Voice) -> str:
    """What came into sight, and what others had stated meanwhile."""
    said = voice.say("released_load", load=found.load, file=clean(found.file), rows=voice.count(found.rows))
    aside = voice.say("released_aside", rows=voice.count(found.aside)) if found.aside else ""
    return blocks(said, aside)


@shows("limner.flow.sources.holding:Dropped")
def dropped(found: Dropped, voice: Voice) -> str:
    """What went."""
    counts = {"rows": voice.count(found.rows), "grants": voice.count(found.grants)}
    return voice.say("dropped_load", load=found.load, file=clean(found.file), **counts)


def broken(results: Sequence[CheckResult], voice: Voice) -> str:
    """The checks that were broken, one a line; those that hold a load first."""
    names = ("load", "check", "level", "subject", "found", "bound", "rows_off")
    rows = [
        [one.load, voice.word("check_kinds", one.kind), voice.word("check_levels", one.level), clean(one.subject),
         one.value, one.bound, "" if one.bad is None else f"{voice.count(one.bad)}/{voice.count(one.rows or 0)}"]
        for one in sorted(results, key=lambda one: (one.level, one.load))
    ]  # fmt: skip
    return table([voice.say(name) for name in names], rows, left=6) if rows else ""


@shows_many("limner.flow.sources.quality.alerts:Alert")
def alerts(found: Sequence[Alert], voice: Voice) -> str:
    """One line per trouble, the hard ones first."""
    names = ("level", "check", "source", "subject", "load", "found", "bound", "since", "last_seen", "times", "closed")
    rows = [
        [voice.word("check_levels", one.level), voice.word("check_kinds", one.kind), one.source, clean(one.subject),
         one.load or "", one.value, one.bound, voice.minute(one.opened_at), voice.minute(one.seen_at),
         voice.count(one.times), voice.minute(one.closed_at) if one.closed_at else ""]
        for one in found
    ]  # fmt: skip
    return table([voice.say(name) for name in names], rows, left=4)


@shows("limner.app.quality:Quality")
def quality(found: Quality, voice: Voice) -> str:
    """A line per source and one per trait: score, the five shares with their counts, and what the last load broke."""
    dimensions = [voice.word("dimensions", name) for name in _DIMENSIONS]
    heads = [voice.say(name) for name in ("source", "loads", "held_loads", "last_load", "late", "score")]
    rows = [
        [one.source, voice.count(one.loads), one.held or "", voice.minute(one.last_at) if one.last_at else DASH,
         "" if not one.is_late else "!", _score(one.score), *_shares(one.dimensions, voice)]
        for one in found.sources
    ]  # fmt: skip
    traits = [
        [clean(one.trait), voice.count(one.people), _score(one.score), *_shares(one.dimensions, voice)]
        for one in found.traits
    ]
    trait_heads = [voice.word("show", "trait"), voice.say("people"), voice.say("score"), *dimensions]
    wrong = [result for one in found.sources for result in one.broken]
    return blocks(
        table([*heads, *dimensions], rows), "", table(trait_heads, traits) if traits else "",
        "", broken(wrong, voice), voice.say("quality_note"),
    )  # fmt: skip


_DIMENSIONS = ("completeness", "validity", "uniqueness", "freshness", "consistency")


def _score(score: float | None) -> str:
    return DASH if score is None else f"{score:.1f}"


def _shares(dimensions: Mapping[str, Dimension], voice: Voice) -> list[str]:
    """A share with the counts behind it."""
    found = []
    for name in _DIMENSIONS:
        one = dimensions.get(name)
        if one is None or one.share is None:
            found.append(DASH)
        else:
            found.append(f"{voice.share(one.share)} ({voice.count(one.good)}/{voice.count(one.of)})")
    return found


@shows("limner.flow.sources.quality.suggested:Suggested")
def suggested(found: Suggested, voice: Voice) -> str:
    """Lines for the source's YAML."""
    return blocks(voice.say("suggested_note", source=found.source), found.to_yaml().rstrip())
