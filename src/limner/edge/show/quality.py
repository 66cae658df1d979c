"""`release`, `drop`, `alerts`, and checks that were broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, table
from limner.edge.show.registry import shows, shows_many
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.flow.sources import Dropped, Released
    from limner.flow.sources.quality.alerts import Alert
    from limner.flow.sources.quality.results import CheckResult


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
