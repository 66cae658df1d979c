"""One row per campaign: rates, lift and money with intervals, the verdict and the next step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from zoneinfo import ZoneInfo

from limner.app.reporting.contents import Interval, Report, Result, added
from limner.edge.report.html import Markup, Part, el, join
from limner.edge.report.svg import diamond, interval_bar
from limner.edge.voice import Voice, digits_for

NEVER = 10_000_000
"""More customers than this will never come: the step is to change something."""

TONES = {"works": "good", "loses_money": "bad", "harmful": "bad", "cannot_tell": "unsure"}


def campaigns(report: Report, voice: Voice) -> Markup | None:
    """The table of campaigns; None when there is none."""
    if not report.results:
        return None
    is_aa = not report.is_contacted
    heads = ("head_campaign", "head_rates", "head_lift", "head_money", "head_verdict")
    rows: list[Part] = []
    in_waves = waves(report.results, voice.zone)
    scales = _scales(report.results)
    for number, (day, wave) in enumerate(in_waves, 1):
        if len(in_waves) > 1:
            rows.append(_wave_row(number, day, wave, voice))
        rows += [_row(result, scales, voice) for result in wave]
    return el(
        "section",
        el("h2", voice.say("title_aa" if is_aa else "title_campaigns")),
        el("p", voice.say("aa_note"), class_="note") if is_aa else None,
        el(
            "table",
            el("thead", el("tr", [el("th", voice.say(head), scope="col") for head in heads])),
            el("tbody", rows),
            class_="campaigns",
        ),
        _legend(report, voice),
        class_="campaigns-section",
    )


def waves(results: Sequence[Result], zone: str) -> list[tuple[str, list[Result]]]:
    """The campaigns by the local day they began, oldest first."""

    def day(result: Result) -> str:
        return result.began_at.astimezone(ZoneInfo(zone)).date().isoformat() if result.began_at else ""

    return [(key, list(wave)) for key, wave in groupby(sorted(results, key=day), key=day)]


def _wave_row(number: int, day: str, wave: list[Result], voice: Voice) -> Markup:
    money = added(tuple(result.money for result in wave if result.money and result.is_contacted))
    told: Part = None
    if money is not None:
        told = [
            el("b", voice.money(money.estimate, is_signed=True), class_=_money_tone(money)),
            " ",
            el("small", voice.money_interval(money)),
        ]
    title: Part = [el("b", voice.say("wave", number=number)), " ", el("small", day)]
    return el("tr", el("th", title, colspan=3, scope="rowgroup"), el("td", told, colspan=2), class_="wave")


def _scales(results: Sequence[Result]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of the two scales: nought always lies inside, with a little room at both ends."""
    lifts = [r.lift for r in results if r.lift]
    moneys = [r.money for r in results if r.money]
    return (
        _ends(lifts, [r.truth_lift for r in results if r.truth_lift is not None]),
        _ends(moneys, [r.truth_money for r in results if r.truth_money is not None]),
    )


def _ends(found: Sequence[Interval], truths: Sequence[float]) -> tuple[float, float]:
    low = min([0.0, *truths, *(one.low for one in found)])
    high = max([0.0, *truths, *(one.high for one in found)])
    room = (high - low) * 0.06 or 1.0
    return low - room, high + room


def _row(result: Result, scales: tuple[tuple[float, float], tuple[float, float]], voice: Voice) -> Markup:
    tone = TONES.get(result.verdict, "unsure") if result.is_contacted else "unsure"
    return el(
        "tr",
        el("th", _title(result, voice), scope="row"),
        el("td", _rates(result, voice), class_="rates"),
        el("td", _lift(result, scales[0], voice)),
        el("td", _money(result, scales[1], voice)),
        el("td", _verdict(result, tone, voice), class_="verdict-cell"),
        class_="stop-row" if result.is_losing and not result.is_stopped else None,
    )


def _title(result: Result, voice: Voice) -> Part:
    offers = voice.say("sep").join(result.offers)
    return [
        el("span", result.name, class_="name"),
        el("small", offers) if offers else None,
    ]


def _rates(result: Result, voice: Voice) -> Part:
    key = "sent_to" if result.is_contacted else "chosen"
    return el(
        "dl",
        _pair(voice.say(key), voice.share(result.rate), result.treated, voice),
        _pair(voice.say("held_out"), voice.share(result.control_rate), result.control, voice),
    )


def _pair(word: str, rate: str, customers: int, voice: Voice) -> Markup:
    of = el("small", voice.say("of_customers", count=voice.count(customers)))
    return join(el("dt", word), el("dd", el("b", rate), " ", of))


def _lift(result: Result, ends: tuple[float, float], voice: Voice) -> Part:
    if result.lift is None:
        return el("span", voice.say("nothing_to_compare"), class_="quiet")
    digits = digits_for(result.lift)
    tone = "good" if result.lift.low > 0 else "bad" if result.lift.high < 0 else "unsure"
    truth: Part = None
    if result.truth_lift is not None:
        truth = _truth(voice.say("points", value=voice.points(result.truth_lift, digits)), voice)
    return [
        interval_bar(result.lift, ends, tone, result.truth_lift),
        el("b", voice.say("points", value=voice.points(result.lift.estimate, digits))),
        " ",
        el("small", voice.points_interval(result.lift, digits)),
        truth,
    ]


def _money(result: Result, ends: tuple[float, float], voice: Voice) -> Part:
    if result.money is None or not result.is_contacted:
        return el("span", voice.say("no_money"), class_="quiet")
    tone = _money_tone(result.money)
    truth = None
    if result.truth_money is not None:
        truth = _truth(voice.money(result.truth_money, is_signed=True), voice)
    return [
        interval_bar(result.money, ends, tone, result.truth_money),
        el("b", voice.money(result.money.estimate, is_signed=True), class_=tone),
        " ",
        el("small", voice.money_interval(result.money)),
        truth,
    ]


def _money_tone(found: Interval) -> str:
    return "good" if found.low > 0 else "bad" if found.high < 0 else "unsure"


def _truth(said: str, voice: Voice) -> Markup:
    return el("span", diamond(), voice.say("truth", value=said), class_="told-truth")


def _verdict(result: Result, tone: str, voice: Voice) -> Part:
    if not result.is_contacted:
        includes = result.lift is None or result.lift.low <= 0 <= result.lift.high
        word, step = voice.say("verdict_aa"), voice.say("aa_includes" if includes else "aa_excludes")
        return [el("span", word, class_="verdict unsure"), el("small", step, class_="step")]
    word = voice.word("verdicts", result.verdict)
    key = f"stopped_{result.verdict}" if result.is_stopped and result.is_losing else result.step
    key = "no_effect" if key == "more_customers" and (result.more or 0) > NEVER else key
    until = voice.short_day(result.until_at) if result.until_at else ""
    more = voice.count(result.more or 0)
    step = voice.word("steps", key).format(more=more, until=until)
    breached = [voice.word("guards", guard.name) for guard in result.guards if guard.is_breached]
    return [
        el("span", word, class_=f"verdict {tone}"),
        el("small", voice.say("breached", names=voice.listed(breached)), class_="step bad") if breached else None,
        el("small", step, class_="step"),
        el("small", voice.say("preliminary", until=until), class_="step") if not result.is_complete else None,
    ]


def _legend(report: Report, voice: Voice) -> Markup:
    has_truth = any(r.truth_lift is not None or r.truth_money is not None for r in report.results)
    return el(
        "p",
        voice.say("legend_interval"),
        [" ", diamond(), voice.say("legend_truth")] if has_truth else None,
        class_="note",
    )
