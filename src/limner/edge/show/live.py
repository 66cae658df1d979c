"""`drain`, `tail` and the write keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, pairs, reasons, table
from limner.edge.show.registry import shows, shows_many
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.flow.sources.live.drain import Drained
    from limner.flow.sources.live.tail import Heard
    from limner.flow.sources.live.write_keys import WriteKey

_VALUES = 6
"""Values of a message that are shown."""


@shows("limner.flow.sources.live.drain:Drained")
def drained(found: Drained, voice: Voice) -> str:
    """What came in by what became of it."""
    gone = (voice.say("gone_before"), voice.count(found.gone) if found.gone else None)
    if not found.segments:
        return pairs([gone]) if found.gone else voice.say("nothing_waits")
    counts = found.counts
    return pairs(
        [
            (voice.say("rows"), voice.count(counts.rows)),
            (voice.say("used"), voice.count(counts.used)),
            (voice.say("anonymous_rows"), voice.count(counts.anonymous) if counts.anonymous else None),
            (voice.say("rejected"), reasons(dict(counts.rejected), "rejects", voice) or "0"),
            (voice.say("values_left_out"), reasons(dict(counts.values), "rejects", voice)),
            (voice.say("held_loads"), voice.say("sep").join(str(load) for load in found.held) or None),
            (voice.say("still_waiting"), voice.count(found.waiting) if found.waiting else None),
            gone,
        ]
    )


@shows_many("limner.flow.sources.live.tail:Heard")
def heard(found: Sequence[Heard], voice: Voice) -> str:
    """One block per message, newest last."""
    return "\n".join(_heard(one, voice) for one in found)


def _heard(one: Heard, voice: Voice) -> str:
    who = voice.say("sep").join(f"{clean(kind)} {clean(value)}" for kind, value in one.who.items())
    shown = [f"{clean(name)}={clean(value)}" for name, value in list(one.values.items())[:_VALUES]]
    more = [f"… {len(one.values) - _VALUES}"] if len(one.values) > _VALUES else []
    reason = voice.word("rejects", one.reason) if one.reason else ""
    head = f"{voice.minute(one.received_at)}  {one.source}/{one.protocol}  {voice.word('message_kinds', one.kind)}"
    line = "  ".join(part for part in (head, clean(one.name), reason, who) if part)
    return blocks(line, f"    {'  '.join([*shown, *more])}" if shown else "")


@shows("limner.flow.sources.live.write_keys:WriteKey")
def made_key(found: WriteKey, voice: Voice) -> str:
    """A key that was made, whole this once."""
    return blocks(voice.say("key_made", source=found.source), f"  {found.key}")


@shows_many("limner.flow.sources.live.write_keys:WriteKey")
def keys(found: Sequence[WriteKey], voice: Voice) -> str:
    """One line per key."""
    heads = [voice.say(head) for head in ("source", "key", "made_at", "revoked", "note")]
    rows = [
        [
            one.source,
            f"…{one.ends_in}",
            voice.minute(one.made_at),
            voice.minute(one.revoked_at) if one.revoked_at else "",
            one.note,
        ]
        for one in found
    ]
    return table(heads, rows, left=5)
