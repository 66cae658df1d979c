"""What every number of the report means."""

from __future__ import annotations

from limner.app.reporting.contents import Report
from limner.edge.report.html import Markup, el
from limner.edge.report.tables import section
from limner.edge.report.voice import Voice
from limner.edge.say import words_of


def definitions(report: Report, voice: Voice) -> Markup:
    """The words of the report and what they stand for."""
    rows = words_of(voice.lang).get("report_definitions", {})
    pairs = [[el("dt", str(row["word"])), el("dd", str(row["means"]))] for row in rows.values()]
    return section("definitions", voice, el("dl", pairs, class_="definitions"))
