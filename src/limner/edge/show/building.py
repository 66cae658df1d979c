"""`run` and `tag`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.edge.say import say_error
from limner.edge.show.lines import blocks, clean, pairs, table
from limner.edge.show.registry import shows
from limner.edge.show.tags import page
from limner.edge.voice import Voice

if TYPE_CHECKING:
    from limner.app.asking import TagShown
    from limner.app.members import Member
    from limner.app.running import Ran


@shows("limner.app.running:Ran")
def ran(found: Ran, voice: Voice) -> str:
    """Customers, tags, audiences and models, and what was stale."""
    done = voice.say("sep").join(voice.word("stations", step) for step in found.done)
    facts = pairs(
        [
            (voice.say("asof"), voice.minute(found.asof)),
            (voice.say("customers"), _customers(found, voice)),
            (voice.say("tags"), voice.count(found.tags)),
            (voice.say("done"), done or voice.say("nothing_stale")),
            *((clean(name), voice.word("passes", said)) for name, said in found.passes.items()),
        ]
    )
    audiences = table(
        [voice.say("audience"), voice.say("customers")],
        [[name, voice.count(size)] for name, size in found.audiences.items()],
    )
    models = [f"{clean(name)}: {voice.word('model_states', state)}" for name, state in found.models.items()]
    whys = dict.fromkeys(say_error(why, voice.lang) for why in found.refused.values())
    refused = [voice.say("audience_refused", why=clean(why)) for why in whys]
    unfound = [clean(say_error(why, voice.lang)) for why in found.unfound.values()]
    return blocks(facts, *unfound, audiences if found.audiences else "", *refused, *models)


def _customers(found: Ran, voice: Voice) -> str:
    return voice.say(
        "customers_split",
        count=voice.count(found.customers),
        identified=voice.count(found.identified),
        anonymous=voice.count(found.anonymous),
    )


@shows("limner.app.asking:TagShown")
def tag(found: TagShown, voice: Voice) -> str:
    """What a tag asks, what it reads, and how its answers are spread."""
    known = "" if found.known is None else f" ({voice.share(found.known / (found.customers or 1))})"
    said = f"{voice.told(found.known)} / {voice.count(found.customers)}{known}"
    facts = pairs(
        [
            (voice.say("tag"), f"{found.name} ({found.id})" if found.name else found.id),
            (voice.say("means"), found.description),
            (voice.say("kind"), found.kind),
            (voice.say("path"), found.path),
            (voice.say("over"), found.over),
            (voice.say("reads"), ", ".join(found.reads)),
            (voice.say("events"), ", ".join(found.events)),
            (voice.say("stands_on"), ", ".join(found.stands_on)),
            (voice.say("purposes"), "" if found.purposes == ("*",) else ", ".join(found.purposes)),
            (voice.say("consents"), ", ".join(found.consents)),
            (voice.say("version"), found.version),
            (voice.say("known"), "" if found.members else said),
        ]
    )
    if found.members:
        rows = [[one.id, _called(one, voice), voice.told(one.customers)] for one in found.members]
        return blocks(facts, table([voice.say(head) for head in ("tag", "means", "having")], rows))
    more = page(found.page, voice) if found.page is not None else ""
    if not found.spread:
        return blocks(facts, more)
    rows = [
        [
            _answer(found.id, answer, voice),
            voice.told(count),
            "–" if count is None or not found.known else voice.share(count / found.known),
        ]
        for answer, count in found.spread.items()
    ]
    return blocks(facts, more, table([voice.say(head) for head in ("answer", "customers", "share")], rows))


def _called(member: Member, voice: Voice) -> str:
    names = (member.name, member.name_en)
    return next((name for name in (names if voice.lang == "zh" else names[::-1]) if name), "")


def _answer(tag_id: str, answer: str, voice: Voice) -> str:
    return voice.word("rfm" if tag_id.startswith("rfm") else "answers", answer)
