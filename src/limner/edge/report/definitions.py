"""What every number of the report means."""

from __future__ import annotations

from limner.app.reporting.contents import Report
from limner.edge.report.html import Markup, el
from limner.edge.report.tables import section
from limner.edge.say import words_of
from limner.edge.voice import Voice

ALWAYS = frozenset({"customer", "rows", "net"})
"""The words a report without campaigns uses too."""


def definitions(report: Report, voice: Voice) -> Markup:
    """The words of the report and what they stand for."""
    rows = words_of(voice.lang).get("report_definitions", {})
    shown = [row for name, row in rows.items() if report.results or name in ALWAYS]
    pairs = [[el("dt", str(row["word"])), el("dd", str(row["means"]))] for row in shown]
    return section("definitions", voice, el("dl", pairs, class_="definitions"))
