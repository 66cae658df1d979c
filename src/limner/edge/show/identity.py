"""`identity match`, `review`, `accept` and `reject`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, table
from limner.edge.show.registry import shows, shows_many
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.matching import Queue, Reviewed
    from limner.flow.identity.matching.proposing import Matched


@shows_many("limner.flow.identity.matching.proposing:Matched")
def matched(found: Sequence[Matched], voice: Voice) -> str:
    """One line per matching, what was left out, and the next step."""
    heads = ("matching", "records", "compared", "proposed", "accepted_alone", "lapsed", "kept_apart")
    rows = [
        [one.matching, *(voice.count(n) for n in (one.records, one.compared, one.proposed, one.accepted, one.lapsed,
                                                  one.apart))]
        for one in found
    ]  # fmt: skip
    unused = [voice.say("rules_unused", rules=voice.say("sep").join(one.unused)) for one in found if one.unused]
    crowded = sum(one.crowded for one in found)
    waiting = sum(one.proposed for one in found)
    return blocks(
        table([voice.say(head) for head in heads], rows),
        *unused,
        voice.say("crowded", count=voice.count(crowded)) if crowded else "",
        voice.say("next_review", count=voice.count(waiting)) if waiting else "",
    )


@shows("limner.app.matching:Queue")
def queue(found: Queue, voice: Voice) -> str:
    """The pairs, and how many there are in each state."""
    state = voice.word("proposal_states", found.state)
    counts = voice.say("sep").join(
        voice.say("pairs_in_state", state=voice.word("proposal_states", name), count=voice.count(count))
        for name, count in found.counts.items()
        if count
    )
    return blocks(reviewed(found.pairs, voice) if found.pairs else voice.say("queue_empty", state=state), counts)


@shows_many("limner.app.matching:Reviewed")
def reviewed(found: Sequence[Reviewed], voice: Voice) -> str:
    """One line per pair: who, how probable, what became of it, and the evidence in bits, most telling first."""
    heads = ("pair_no", "state", "one_customer", "other_customer", "matching", "evidence", "probability")
    rows = [
        [one.seq, voice.word("proposal_states", one.state), *one.customers, one.matching, _evidence(one, voice),
         f"{one.probability:.3f}"]
        for one in found
    ]  # fmt: skip
    return table([voice.say(head) for head in heads], rows, left=6)


def _evidence(one: Reviewed, voice: Voice) -> str:
    told = sorted(one.evidence.items(), key=lambda item: -abs(float(item[1][1])))
    return voice.say("sep").join(
        voice.say("bits", role=_role(role, voice), level=voice.word("levels", clean(str(level))), bits=f"{bits:+.1f}")
        for role, (level, bits) in told
    )


def _role(role: str, voice: Voice) -> str:
    kind, _, trait = role.partition(":")
    return clean(trait) if trait else voice.word("roles", kind)
