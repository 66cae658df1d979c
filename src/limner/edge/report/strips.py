"""The short facts of the first page: rules kept, opt-outs, the price of the hold-out, and what the numbers stand on."""

from __future__ import annotations

from typing import Final

from limner.app.reporting.contents import Report
from limner.edge.report.html import Markup, Part, el
from limner.edge.voice import Voice

_NAMED: Final = 3
"""Held files told by name."""


def rules(report: Report, voice: Voice) -> Markup | None:
    """Zeros that were counted touch by touch, opt-outs by arm and the price of the hold-out; None without campaigns."""
    if report.compliance is None:
        return None
    kept = report.compliance
    zeros = [("without_consent", kept.without_consent), ("at_night", kept.at_night), ("over_cap", kept.over_cap)]
    tiles = [_zero(voice.say(name), count, kept.touches, voice) for name, count in zeros]
    return el(
        "section",
        el("h2", voice.say("title_rules")),
        el("div", tiles, _opt_outs(report, voice), _price(report, voice), class_="tiles"),
        el("p", voice.say("rules_note", touches=voice.count(kept.touches)), class_="note"),
        class_="rules",
    )


def _zero(word: str, count: int, touches: int, voice: Voice) -> Markup:
    under = voice.say("of_messages", count=voice.count(touches))
    return _tile(word, voice.count(count), under, tone="bad" if count else "good")


def _tile(word: str, figure: Part, under: Part = None, tone: str = "") -> Markup:
    return el(
        "div",
        el("span", word, class_="word"),
        el("b", figure, class_=tone or None),
        el("small", under) if under else None,
        class_="tile",
    )


def _opt_outs(report: Report, voice: Voice) -> Markup | None:
    rows = [(r, guard) for r in report.results for guard in r.guards if guard.name == "opt_out"]
    if not rows:
        return None
    treated = sum(guard.treated * r.treated for r, guard in rows) / max(sum(r.treated for r, _ in rows), 1)
    control = sum(guard.control * r.control for r, guard in rows) / max(sum(r.control for r, _ in rows), 1)
    figure: Part = [voice.share(treated, 2), el("small", voice.say("versus", control=voice.share(control, 2)))]
    return _tile(voice.say("opt_outs"), figure, voice.say("opt_outs_note"))


def _price(report: Report, voice: Voice) -> Markup | None:
    price = report.holdout_price
    if price is None:
        return None
    key = "holdout_cost" if price.estimate >= 0 else "holdout_saved"
    customers = sum(r.control for r in report.results)
    under = voice.say("holdout_note", count=voice.count(customers), interval=voice.money_interval(price))
    return _tile(voice.say(key), voice.money(abs(price.estimate)), under)


def intake(report: Report, voice: Voice) -> Markup:
    """Rows in, used and rejected, the reconciled net revenue, and until when data is known."""
    rows, money = report.intake, report.reconciled
    facts: list[tuple[str, Part]] = [
        ("rows_in", voice.count(rows.rows)),
        ("rows_used", voice.count(rows.used)),
        ("rows_anonymous", voice.count(rows.anonymous)),
        ("rows_cancelled", voice.count(rows.cancelled)),
        ("rows_rejected", voice.count(rows.rejected_rows)),
        ("net_revenue", voice.money(money.net)),
        ("data_until", voice.minute(rows.until_at) if rows.until_at else voice.say("no_data")),
    ]
    shown = [
        (key, figure) for key, figure in facts if figure != "0" or key in ("rows_in", "rows_used", "rows_rejected")
    ]
    return el(
        "section",
        el("dl", [[el("div", el("dt", voice.say(key)), el("dd", figure))] for key, figure in shown]),
        _sums(report, voice),
        _held(report, voice),
        class_="strip",
    )


def _held(report: Report, voice: Voice) -> Markup | None:
    """The files that wait for a decision, by name: their rows stand in no figure."""
    held = report.intake.held
    if not held:
        return None
    names = voice.say("shown_comma").join(name for name, _ in held[:_NAMED])
    more = voice.say("shown_more", count=voice.count(len(held) - _NAMED)) if len(held) > _NAMED else ""
    rows = voice.count(sum(count for _, count in held))
    return el("p", voice.say("files_held", count=voice.count(len(held)), rows=rows, names=names + more), class_="note")


def _sums(report: Report, voice: Voice) -> Markup:
    rows = report.intake
    total = rows.used + rows.anonymous + rows.cancelled + rows.rejected_rows
    notes = [voice.say("rows_add_up" if total == rows.rows else "rows_do_not_add_up")]
    difference = report.reconciled.difference
    if difference is not None:
        key = "money_adds_up" if difference == 0 else "money_differs"
        notes.append(voice.say(key, difference=voice.money(difference, digits=2)))
    return el("p", " ".join(notes), class_="note")
