"""From the audience to orders: one bar that adds up, with every reason why somebody was not sent to."""

from __future__ import annotations

from limner.app.reporting.contents import Flow, Report
from limner.edge.report.html import Markup, Part, el
from limner.edge.report.svg import stacked
from limner.edge.voice import DASH, Voice

_STEPS = ("sent", "delivered", "clicked", "ordered")


def flow(report: Report, voice: Voice) -> Markup | None:
    """The bar of all campaigns together, and the numbers of each; None without a plan."""
    whole = report.flow
    if whole is None:
        return None
    several = list(report.flows) if len(report.flows) > 1 else []
    return el(
        "section",
        el("h2", voice.say("title_flow")),
        el("p", _sum(whole, voice), class_="sum"),
        stacked([(count, _tone(whole, place)) for place, (_, _, count) in enumerate(whole.parts)], whole.audience),
        _reached(whole),
        el("ul", [_entry(whole, place, voice) for place in range(len(whole.parts))], class_="key"),
        el("ul", [_step(whole, name, voice) for name in _STEPS[1:]], class_="key steps") if whole.sent else None,
        _by_campaign(several, voice) if several else None,
        class_="flow",
    )


def _sum(whole: Flow, voice: Voice) -> Part:
    groups: dict[str, int] = {}
    for group, _, count in whole.parts:
        groups[group] = groups.get(group, 0) + count
    parts = [voice.say(f"sum_{group}", count=voice.count(count)) for group, count in groups.items()]
    ends = "✓" if whole.adds_up else "✗"
    return [
        el("b", voice.say("sum_audience", count=voice.count(whole.audience))),
        " = ",
        " + ".join(parts),
        " ",
        el("span", ends, class_="good" if whole.adds_up else "bad", title=voice.say("adds_up")),
    ]


def _tone(whole: Flow, place: int) -> str:
    """The colour of a part: greys for refusals, one after the other, then held out, dropped, not yet sent, sent."""
    group = whole.parts[place][0]
    before = sum(1 for other, _, _ in whole.parts[:place] if other == group)
    return f"part {group} shade{before % 6}"


def _reached(whole: Flow) -> Markup | None:
    """Under the part that was sent: delivered, clicked and ordered, as far as they go."""
    if not whole.audience or not whole.sent:
        return None
    left = whole.audience - whole.sent
    rows = [("delivered", whole.delivered), ("clicked", whole.clicked), ("ordered", whole.ordered)]
    return el(
        "div",
        [stacked([(left, "part none"), (count, f"part {name}")], whole.audience, 9) for name, count in rows],
        class_="reached",
    )


def _entry(whole: Flow, place: int, voice: Voice) -> Markup:
    group, why, count = whole.parts[place]
    return _item(_tone(whole, place), _word(group, why, voice), count, whole.audience, voice)


def _word(group: str, why: str, voice: Voice) -> str:
    if group == "sent":
        return voice.say("sent")
    kind, _, detail = why.partition(":")
    said = voice.word(f"why_{group}", kind)
    return voice.say("with_detail", word=said, detail=voice.word("why_refused", detail)) if detail else said


def _step(whole: Flow, name: str, voice: Voice) -> Markup:
    return _item(f"part {name}", voice.say(name), getattr(whole, name), whole.sent, voice, of="of_sent")


def _item(tone: str, word: str, count: int, total: int, voice: Voice, of: str = "") -> Markup:
    share = _small(count, total, voice) if total else DASH
    return el(
        "li",
        el("span", class_=f"swatch {tone}"),
        el("span", word, class_="word"),
        el("b", voice.count(count)),
        el("small", voice.say(of, share=share) if of else share),
    )


def _small(count: int, total: int, voice: Voice) -> str:
    """A share that does not look like nought when it is not."""
    return f"<{voice.share(0.001)}" if 0 < count < total / 2000 else voice.share(count / total)


def _by_campaign(flows: list[Flow], voice: Voice) -> Markup:
    groups = ("refused", "held_out", "dropped", "unsent")
    heads = ["head_campaign", "audience", *groups, *_STEPS]
    rows = []
    for one in flows:
        counts = [one.audience, *(sum(getattr(one, g).values()) for g in groups), *(getattr(one, s) for s in _STEPS)]
        cells = [el("td", voice.count(count)) for count in counts]
        rows.append(el("tr", el("th", one.name, scope="row"), cells))
    head = el("thead", el("tr", [el("th", voice.say(name), scope="col") for name in heads]))
    return el(
        "details",
        el("summary", voice.say("by_campaign")),
        el("div", el("table", head, el("tbody", rows), class_="numbers"), class_="wide"),
        open=True,
    )
