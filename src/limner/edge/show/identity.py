"""`identity explain`, `split`, `undo`, `merges`; `match`, `review`, `accept` and `reject`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows, shows_many
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.identity import Origin, Passage, Split, Undone
    from limner.app.matching import Queue, Reviewed
    from limner.flow.identity.matching.proposing import Matched

MOST = 30
_REASONS = ("apart", "platform", "hub")


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
    barred = [
        voice.say("stays_two", seq=one.seq, why=voice.say("sep").join(_hindrance(why, voice) for why in one.hindrances))
        for one in found
        if one.hindrances and one.state in ("proposed", "accepted")
    ]
    return blocks(table([voice.say(head) for head in heads], rows, left=6), *barred)


def _hindrance(why: str, voice: Voice) -> str:
    """A reason a pair stays two; the name of a kind means that each has one of its own."""
    return voice.word("cuts", why) if why in _REASONS else voice.say("each_has_one", kind=clean(why))


def _evidence(one: Reviewed, voice: Voice) -> str:
    told = sorted(one.evidence.items(), key=lambda item: -abs(float(item[1][1])))
    return voice.say("sep").join(
        voice.say("bits", role=_role(role, voice), level=voice.word("levels", clean(str(level))), bits=f"{bits:+.1f}")
        for role, (level, bits) in told
    )


def _role(role: str, voice: Voice) -> str:
    kind, _, trait = role.partition(":")
    return clean(trait) if trait else voice.word("roles", kind)


@shows("limner.app.identity:Origin")
def origin(found: Origin, voice: Voice) -> str:
    """Identifiers, the records that joined them, what was cut and why, former numbers."""
    head = pairs([(voice.say("customer"), found.customer_id), (voice.say("asof"), voice.minute(found.asof))])
    held = [
        [one.name, voice.word("strengths", one.strength), voice.say("sep").join(one.sources),
         voice.minute(one.first_at), voice.minute(one.last_at)]
        for one in found.identifiers
    ]  # fmt: skip
    ties = [
        [one.one, one.other, one.source, "" if one.load is None else one.load, voice.minute(one.first_at)]
        for one in found.ties
    ]
    cuts = [[one.one, one.other, voice.word("cuts", one.reason), one.customer] for one in found.cuts[:MOST]]
    more = len(found.cuts) - MOST
    return blocks(
        head,
        _under("identifiers_head", ("identifier", "trust", "source", "first_at", "last_at"), held, voice),
        _under("ties_head", ("identifier", "beside", "source", "load", "first_at"), ties, voice),
        _under("cuts_head", ("identifier", "beside", "why", "of_customer"), cuts, voice),
        voice.say("more", count=voice.count(more)) if more > 0 else "",
        passages(found.history, voice) if found.history else "",
    )


def _under(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]], voice: Voice) -> str:
    """A titled table; nothing when it has no rows."""
    if not rows:
        return ""
    return f"{voice.say(title)}\n{table([voice.say(head) for head in heads], rows, left=len(heads))}"


@shows_many("limner.app.identity:Passage")
def passages(found: Sequence[Passage], voice: Voice) -> str:
    """One line per merge or parting, and what has been taken back."""
    heads = ("pair_no", "change", "customer", "retired", "moment", "operator", "why", "undone")
    rows = [
        [one.seq, voice.word("identity_changes", one.what), one.customer, one.other, voice.minute(one.happened_at),
         one.actor, voice.word("identity_changes", one.reason), voice.minute(one.undone_at) if one.undone_at else ""]
        for one in found
    ]  # fmt: skip
    return table([voice.say(head) for head in heads], rows, left=len(heads))


@shows("limner.app.identity:Split")
def split(found: Split, voice: Voice) -> str:
    """What goes, what stays, and the next step."""
    sep = voice.say("sep")
    facts = pairs(
        [
            (voice.say("pair_no"), found.seq),
            (voice.say("customer"), found.customer),
            (voice.say("goes"), sep.join(found.apart)),
            (voice.say("stays"), sep.join(found.kept)),
        ]
    )
    return blocks(facts, voice.say("next_run", seq=found.seq))


@shows("limner.app.identity:Undone")
def undone(found: Undone, voice: Voice) -> str:
    """What was taken back, and the next step."""
    return blocks(passages([found.change], voice), voice.say("next_run_undone"))
