"""The report as one HTML file: style and drawings inside, no scripts, nothing fetched."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path

from limner.app.reporting.contents import Report
from limner.app.reporting.writers import writer
from limner.core.errors import BadInput, Full, words
from limner.edge.report.campaigns import campaigns
from limner.edge.report.definitions import definitions
from limner.edge.report.flow import flow
from limner.edge.report.foresight import foresights
from limner.edge.report.headline import headline
from limner.edge.report.html import Markup, el, join, style
from limner.edge.report.models import cards, channels
from limner.edge.report.money import reconciliation
from limner.edge.report.portrait import audiences, base, rfm
from limner.edge.report.strips import intake, rules
from limner.edge.voice import Voice

NOT_WRITTEN = words("report_unwritable", "The report cannot be written to {path}: {why}. Name another file.")
NO_ROOM = words("report_full", "There is no room to write the report to {path}. Free some space, then run this again.")

_FIRST: tuple[Callable[[Report, Voice], Markup | None], ...] = (headline, campaigns, flow, rules, intake)
_BELOW: tuple[Callable[[Report, Voice], Markup | None], ...] = (
    reconciliation, base, rfm, audiences, cards, foresights, channels, definitions,
)  # fmt: skip
_LANGUAGES = {"zh": "zh-Hans", "en": "en"}


def page(report: Report) -> str:
    """The whole file as text, in the report's own language."""
    voice = Voice(report.lang, report.currency, report.zone)
    title = voice.say("title", workspace=report.workspace)
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        style(css()),
    )
    body = el(
        "body",
        el(
            "main",
            _masthead(report, voice),
            el("div", [part(report, voice) for part in _FIRST], class_="first"),
            el("div", [part(report, voice) for part in _BELOW], class_="below"),
            el("footer", voice.say("footer", made_at=voice.minute(report.made_at), zone=report.zone)),
        ),
    )
    whole = join(el("html", head, body, lang=_LANGUAGES.get(report.lang, "en")))
    return f"<!doctype html>\n{whole.text}\n"


def _masthead(report: Report, voice: Voice) -> Markup:
    return el(
        "header",
        el("span", report.workspace, class_="brand"),
        el("span", voice.say("report_of")),
        el("span", voice.say("as_of", day=voice.minute(report.asof)), class_="asof"),
    )


@cache
def css() -> str:
    """The style sheet."""
    return resources.files(__package__ or "").joinpath("style.css").read_text("utf-8")


@writer(".html", ".htm")
def write(report: Report, path: Path) -> Path:
    """Write the page, all of it or nothing."""
    return written(page(report), path)


def written(text: str, path: Path) -> Path:
    """Write a page's text into a file, all of it or nothing."""
    fresh = path.with_name(f".{path.name}.part")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        if error.errno == 28:
            raise Full(NO_ROOM, path=path) from None
        raise BadInput(NOT_WRITTEN, path=path, why=error.strerror or str(error)) from None
    return path
