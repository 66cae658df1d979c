"""Model cards and channel funnels."""

from __future__ import annotations

from limner.app.reporting.contents import Card, Channelled, Report
from limner.edge.report.html import Markup, Part, el
from limner.edge.report.svg import columns, meter
from limner.edge.report.tables import section, table
from limner.edge.voice import DASH, Voice


def cards(report: Report, voice: Voice) -> Markup | None:
    """What each model knows: AUC on random and on later customers, calibration, and lift by decile."""
    if not report.cards:
        return None
    return section("cards", voice, [_card(card, voice) for card in report.cards], note=voice.say("cards_note"))


def _card(card: Card, voice: Voice) -> Markup:
    facts = [
        ("random_auc", _plain(card.random_auc, 3)),
        ("temporal_auc", _plain(card.temporal_auc, 3)),
        ("calibration_error", _plain(card.calibration_error, 4)),
        ("base_rate", voice.share(card.base_rate)),
    ]
    asked = voice.say(
        "card_question",
        event=voice.word("events", card.event),
        days=card.horizon_days,
        count=voice.count(card.customers),
    )
    trained = voice.say("card_trained", days=voice.say("sep").join(card.trained_on), tested=card.tested_on)
    return el(
        "article",
        el("h3", voice.name(card.name, card.name_en, card.model), " ", el("small", asked)),
        el("div", [_fact(voice.say(key), figure) for key, figure in facts], class_="tiles"),
        el("div", _deciles(card, voice), _calibration(card, voice), class_="beside"),
        _features(card, voice),
        el("p", trained, class_="note") if card.trained_on else None,
    )


def _fact(word: str, figure: str) -> Markup:
    return el("div", el("span", word, class_="word"), el("b", figure), class_="tile")


def _plain(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:.{digits}f}"


def _deciles(card: Card, voice: Voice) -> Part:
    if not card.lifts:
        return None
    labels = [str(place) for place in range(1, len(card.lifts) + 1)]
    marks = [f"{lift:.1f}×" for lift in card.lifts]
    return el(
        "figure",
        el("figcaption", voice.say("deciles")),
        columns(card.lifts, labels, marks, line=1.0),
    )


def _calibration(card: Card, voice: Voice) -> Part:
    if not card.calibration:
        return None
    heads = [voice.say(h) for h in ("customers", "predicted", "observed")]
    rows = [
        [voice.count(count), voice.share(predicted), voice.share(observed)]
        for predicted, observed, count in card.calibration
    ]
    return el("figure", el("figcaption", voice.say("calibration")), table(heads, rows))


def _features(card: Card, voice: Voice) -> Part:
    if not card.features:
        return None
    most = max(weight for *_, weight in card.features) or 1.0
    rows = [
        [el("span", voice.name(zh, en, column), class_="word"), meter(weight / most), el("small", f"{weight:.3f}")]
        for column, zh, en, weight in card.features
    ]
    listed = el("ul", [el("li", row) for row in rows])
    return el("figure", el("figcaption", voice.say("features")), listed, class_="spread")


def channels(report: Report, voice: Voice) -> Markup | None:
    """How far the messages of each channel came."""
    if not report.channels:
        return None
    heads = ["head_channel", "granted", "sent", "delivered", "opened", "clicked", "ordered", "cost"]
    rows = [_channel(found, voice) for found in report.channels]
    return section("channels", voice, table([voice.say(h) for h in heads], rows), note=voice.say("channels_note"))


def _channel(found: Channelled, voice: Voice) -> list[Part]:
    steps: list[Part] = [found.name, voice.count(found.granted)]
    for name in ("sent", "delivered", "opened", "clicked", "ordered"):
        count = getattr(found, name)
        share = voice.share(count / found.sent) if found.sent and name != "sent" else ""
        steps.append([voice.count(count), " ", el("small", share)])
    return [*steps, voice.money(found.cost, digits=2)]
