"""`privacy export`, `erase`, `restrict` and `hold`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.privacy.erasing import Erased
    from limner.app.privacy.exporting import Exported
    from limner.app.privacy.proof import Proof
    from limner.app.privacy.retaining import Retained
    from limner.app.privacy.rights import Kept

_MOST = 20


@shows("limner.app.privacy.exporting:Exported")
def exported(found: Exported, voice: Voice) -> str:
    """Where everything was written, and how much."""
    voice = replace(voice, section="privacy")
    rows = pairs([(voice.word("parts", name), voice.count(count)) for name, count in found.rows.items()], indent="  ")
    done = voice.say("exported", customer=found.customer_id, folder=found.folder)
    return blocks(done, rows, voice.say("addresses_masked") if found.is_masked else "")


@shows("limner.app.privacy.erasing:Erased")
def erased(found: Erased, voice: Voice) -> str:
    """What would go or went, store by store, and what the proof says."""
    voice = replace(voice, section="privacy")
    key = "would_go" if found.is_dry else "gone"
    facts = pairs(
        [
            (voice.say("identifiers"), _counts(found.identifiers, "kinds", voice)),
            (voice.say("lake_rows"), _counts(found.lake, "parts", voice)),
            (voice.say("lake_files"), voice.count(found.files) if found.is_dry else None),
            (voice.say("ledger_rows"), _counts(found.ledger, "parts", voice)),
            (voice.say("versions"), voice.count(found.versions)),
            (voice.say("addresses"), voice.count(found.addresses)),
            (voice.say("lists"), voice.say("sep").join(clean(path) for path in found.lists)),
            (voice.say("seconds"), None if found.is_dry else f"{found.seconds:.1f} s"),
        ]
    )
    resumed = voice.say("resumed", customers=voice.say("sep").join(found.resumed)) if found.resumed else ""
    lying = [
        voice.say("lying", path=clean(path), rows=voice.say("sep").join(voice.count(row) for row in rows[:_MOST]))
        + (voice.say("and_more", count=voice.count(len(rows) - _MOST)) if len(rows) > _MOST else "")
        for path, rows in found.lying.items()
    ]
    last = voice.say("nothing_erased", customer=found.customer_id) if found.is_dry else ""
    proof = _proof(found.proof, voice) if found.proof is not None else ""
    return blocks(resumed, voice.say(key, customer=found.customer_id), facts, *lying, proof, last)


def _counts(counts: Mapping[str, int], section: str, voice: Voice) -> str:
    return voice.say("sep").join(f"{voice.word(section, name)} {voice.count(count)}" for name, count in counts.items())


def _proof(proof: Proof, voice: Voice) -> str:
    searched = voice.say(
        "searched",
        files=voice.count(proof.files),
        size=f"{proof.size / 1e6:,.0f}",
        tables=proof.tables,
        versions=proof.versions,
        seconds=f"{proof.seconds:.1f}",
    )
    said = voice.say("proof_clean") if proof.is_clean else voice.say("proof_found", count=len(proof.found))
    places = [f"  {clean(one.place)}: {clean(one.what)}" for one in proof.found[:_MOST]]
    paths = voice.say("sep").join(clean(path) for path in proof.outside)
    outside = voice.say("outside", files=paths) if proof.outside else ""
    elsewhere = voice.say("elsewhere", place=clean(proof.elsewhere)) if proof.elsewhere else ""
    return blocks(searched, said, *places, outside, elsewhere)


@shows("limner.app.privacy.retaining:Retained")
def retained(found: Retained, voice: Voice) -> str:
    """What every rule of retention dropped, or would."""
    voice = replace(voice, section="privacy")
    heads = ("rule", "rule_about", "older_than", "rows", "whole_files", "rewritten_files", "kept_rows")
    rows = [
        [clean(one.rule), voice.word("parts", one.table), voice.day(one.before)]
        + [voice.count(count) for count in (one.rows, one.whole, one.rewritten, one.kept)]
        for one in found.rules
    ]
    return blocks(
        table([voice.say(head) for head in heads], rows, left=3), voice.say("nothing_dropped") if found.is_dry else ""
    )


@shows("limner.app.privacy.rights:Kept")
def kept(found: Kept, voice: Voice) -> str:
    """That a person is kept apart, or held, or not any more."""
    voice = replace(voice, section="privacy")
    return voice.say(f"{found.kind}_{'on' if found.is_on else 'off'}", customer=found.customer_id)
