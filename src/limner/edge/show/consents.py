"""`consent show`, `list`, `grant` and `refuse`, and `privacy rekey`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.keys import Rekeyed
    from limner.app.privacy.consents import ConsentList, ConsentMade, ConsentShown
    from limner.flow.decisions.standing import Standing, Stated

_MANY = 20


@shows("limner.app.privacy.consents:ConsentShown")
def consent(found: ConsentShown, voice: Voice) -> str:
    """One line per purpose and channel, then the statements behind them."""
    voice = replace(voice, section="privacy")
    head = pairs(
        [
            (voice.say("customer"), found.customer_id),
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("heard_before"), voice.minute(found.known) if found.known else None),
        ]
    )
    if not found.standings:
        return blocks(head, voice.say("nothing_stated"))
    heads = ("purpose", "channel", "consent_state", "since", "statement", "on", "left", "overrides")
    states = table([voice.say(name) for name in heads], [_standing(one, voice) for one in found.standings], left=8)
    names = ("statement", "purpose", "channel", "stated", "happened", "heard", "until", "on", "source", "proof")
    rows = [_stated(one, voice) for one in found.statements[-_MANY:]]
    return blocks(head, states, voice.say("statements"), table([voice.say(name) for name in names], rows, left=10))


def _standing(one: Standing, voice: Voice) -> list[object]:
    return [
        one.purpose,
        one.channel,
        voice.word("consent_states", one.state),
        voice.minute(one.by.happened_at),
        one.by.seq,
        voice.word("kinds", one.by.kind),
        "" if one.left is None else one.left,
        voice.say("sep").join(f"{other.seq} ({voice.word('kinds', other.kind)})" for other in one.overrides),
    ]


def _stated(one: Stated, voice: Voice) -> list[object]:
    said = voice.word("consent_states", "granted" if one.is_granted else "refused")
    gone = voice.say("with_detail", word=said, detail=voice.word("states", "withdrawn")) if one.withdrawn_at else said
    return [
        one.seq,
        one.purpose,
        one.channel,
        gone,
        voice.minute(one.happened_at),
        voice.minute(one.received_at),
        voice.minute(one.until_at) if one.until_at else "",
        voice.word("kinds", one.kind),
        one.source if one.load is None else f"{one.source} #{one.load}",
        clean(one.proof),
    ]


@shows("limner.app.privacy.consents:ConsentList")
def consents(found: ConsentList, voice: Voice) -> str:
    """The newest statements, or the file they were written into."""
    voice = replace(voice, section="privacy")
    if found.file:
        return voice.say("written", count=voice.count(found.total), file=found.file)
    names = ("seq", "customer_id", "kind", "channel", "purpose", "state", "happened_at", "source", "proof")
    heads = [voice.word("consent_columns", name) for name in names]
    rows = [[_cell(name, row[name], voice) for name in names] for row in found.rows]
    more = found.total - len(rows)
    return blocks(table(heads, rows, left=9), voice.say("more", count=voice.count(more)) if more > 0 else "")


def _cell(name: str, value: object, voice: Voice) -> object:
    from datetime import datetime

    if isinstance(value, datetime):
        return voice.minute(value)
    section = {"kind": "kinds", "state": "consent_states"}.get(name)
    return voice.word(section, str(value)) if section else value if value is not None else ""


@shows("limner.app.privacy.consents:ConsentMade")
def made(found: ConsentMade, voice: Voice) -> str:
    """What was written, what is good now, and which refusals still stand above a grant."""
    voice = replace(voice, section="privacy")
    done = voice.say(
        "consent_written",
        statement=found.seq,
        stated=voice.word("consent_states", "granted" if found.is_granted else "refused"),
        purpose=found.purpose,
        channel=found.channel,
        customer=found.customer_id,
        kind=voice.word("kinds", found.kind),
    )
    kinds = voice.say("sep").join(voice.word("kinds", kind) for kind in found.refused_on)
    return blocks(done, voice.say("still_refused", kinds=kinds) if found.refused_on else "")


@shows("limner.app.keys:Rekeyed")
def rekeyed(found: Rekeyed, voice: Voice) -> str:
    """How many keys were wrapped anew, and what limner.toml must say."""
    voice = replace(voice, section="privacy")
    done = voice.say("rekeyed", count=voice.count(found.addresses), place=found.place)
    return blocks(done, voice.say("rekey_setting", place=found.place) if found.is_setting_stale else "")
