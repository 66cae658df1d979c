"""`collect`, `loads` and `withdraw`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.edge.say import say_error
from limner.edge.show.lines import blocks, clean, pairs, reasons, table
from limner.edge.show.quality import broken
from limner.edge.show.registry import shows, shows_many
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.rejected import Rejected
    from limner.flow.sources import Collected, Load, Withdrawn


@shows("limner.flow.sources.collect:Collected")
def collected(found: Collected, voice: Voice) -> str:
    """One line per file that was loaded now, then all rows by what became of them."""
    now = [one for one in found.files if not one.is_unchanged]
    heads = [voice.say(head) for head in ("load", "source", "file", "rows", "used", "rejected")]
    rows = [
        [one.load, one.source, one.file, voice.count(one.counts.rows), voice.count(one.counts.used),
         voice.count(sum(one.counts.rejected.values() if one.counts.rejected else ()))]
        for one in now
    ]  # fmt: skip
    counts = found.counts
    sums = pairs(
        [
            (voice.say("rows"), voice.count(counts.rows)),
            (voice.say("used"), voice.count(counts.used)),
            (voice.say("anonymous_rows"), voice.count(counts.anonymous) if counts.anonymous else None),
            (voice.say("cancelled"), voice.count(counts.cancelled) if counts.cancelled else None),
            (voice.say("rejected"), reasons(dict(counts.rejected), "rejects", voice) or "0"),
            (voice.say("values_left_out"), reasons(dict(counts.values), "rejects", voice)),
            (voice.say("unchanged_files"), voice.count(found.unchanged) if found.unchanged else None),
        ]
    )
    held = [voice.say("held_load", load=one.load, file=clean(one.file)) for one in found.files if one.is_held]
    files = table(heads, rows, left=3) if now else voice.say("nothing_new")
    after = voice.say("run_next") if any(one.counts.used and not one.is_held for one in now) else ""
    return blocks(files, sums, broken(found.broken, voice), *held, after)


@shows_many("limner.flow.sources.loads:Load")
def loads(found: Sequence[Load], voice: Voice) -> str:
    """One line per load, newest last."""
    names = ("load", "source", "file", "state", "started", "rows", "used", "rejected", "replaces")
    rows = [
        [
            one.load,
            one.source,
            clean(one.file),
            voice.word("states", one.state),
            voice.minute(one.started_at),
            voice.count(one.counts.rows),
            voice.count(one.counts.used),
            voice.count(sum(dict(one.counts.rejected).values())),
            one.replaces or "",
        ]
        for one in found
    ]
    whys = [voice.say("load_failed", load=one.load, why=say_error(one.why, voice.lang)) for one in found if one.why]
    return blocks(table([voice.say(name) for name in names], rows, left=5), "\n".join(whys))


@shows("limner.app.rejected:Rejected")
def rejected(found: Rejected, voice: Voice) -> str:
    """One line per reject, and how many there are."""
    if found.output is not None:
        return voice.say("rejects_written", total=voice.count(found.total), file=found.output)
    names = ("load", "source", "reject_place", "reject_column", "reject_value", "reject_reason")
    rows = [
        [row["load"], row["source"], clean(str(row["place"])), clean(str(row["column_name"] or "")),
         clean(str(row["value"] or ""))[:60], voice.word("rejects", str(row["reason"]))]
        for row in found.rows
    ]  # fmt: skip
    if not rows:
        return voice.say("no_rejects")
    count = voice.say("rejects_shown", shown=voice.count(len(rows)), total=voice.count(found.total))
    return blocks(table([voice.say(name) for name in names], rows, left=6), count)


@shows("limner.flow.sources.holding:Withdrawn")
def withdrawn(found: Withdrawn, voice: Voice) -> str:
    """What went, or that it had gone before."""
    if found.was not in ("running", "done", "held"):
        return voice.say("withdrawn_before", load=found.load, was=voice.word("states", found.was))
    said = voice.say("withdrawn", load=found.load, rows=voice.count(found.rows), grants=voice.count(found.grants))
    if not found.revived:
        return said
    return said + "\n" + voice.say("revived", revived=voice.count(found.revived))
