"""The one sentence of the report, and what stands under it."""

from __future__ import annotations

from collections.abc import Sequence

from limner.app.reporting.contents import Report, Result, added
from limner.edge.report.campaigns import waves
from limner.edge.report.html import Markup, Part, el
from limner.edge.voice import Voice


def headline(report: Report, voice: Voice) -> Markup:
    """How much more was earned than by doing nothing, and which campaign to stop."""
    if not report.results:
        sentence: Part = voice.say(
            "headline_none",
            customers=voice.count(report.base.customers),
            net=voice.money(report.reconciled.net),
        )
        return _block(sentence, voice.say("headline_none_step"))
    if not report.is_contacted:
        return _block(voice.say("headline_aa"), voice.say("headline_aa_step"))
    return _block(
        [_earned(report, voice), voice.say("space"), _stop(report.results, voice)], voice.say("headline_method")
    )


def _block(sentence: Part, under: str) -> Markup:
    return el("section", el("h1", sentence), el("p", under, class_="under"), class_="headline")


def _earned(report: Report, voice: Voice) -> Part:
    found = report.earned
    if found is None:
        return voice.say("headline_unknown")
    tone = "good" if found.low > 0 else "bad" if found.high < 0 else "unsure"
    key = "headline_more" if found.estimate >= 0 else "headline_less"
    key = key if tone != "unsure" else f"{key}_unsure"
    before, _, after = voice.say(key, amount="\0", interval=voice.money_interval(found)).partition("\0")
    return [before, el("strong", voice.money(abs(found.estimate)), class_=tone), after, _waves(report, voice)]


def _waves(report: Report, voice: Voice) -> Part:
    """What the first and the last wave earned, where there were several."""
    sums = [added(tuple(r.money for r in wave if r.money)) for _, wave in waves(report.results, voice.zone)]
    if len(sums) < 2 or sums[0] is None or sums[-1] is None:
        return None
    first, last = (voice.money(one.estimate, is_signed=True) for one in (sums[0], sums[-1]))
    return [voice.say("space"), voice.say("headline_waves", number=len(sums), first=first, last=last)]


def _stop(results: Sequence[Result], voice: Voice) -> Part:
    losing = [result for result in results if result.is_losing]
    going = [result for result in losing if not result.is_stopped]
    if going:
        names = voice.listed([voice.quoted(result.name) for result in going])
        why = voice.say("headline_why_harmful" if going[0].verdict == "harmful" else "headline_why_loses")
        return el("em", voice.say("headline_stop", names=names, why=why), class_="stop")
    if losing:
        names = voice.listed([voice.quoted(result.name) for result in losing])
        money = added(tuple(result.money for result in losing if result.money))
        key = "headline_stopped" if money is not None and money.estimate < 0 else "headline_stopped_harmful"
        return voice.say(key, names=names, amount=voice.money(abs(money.estimate)) if money else "")
    return voice.say("headline_go_on")
