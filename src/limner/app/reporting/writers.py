"""Who writes a report into a file: the doors put their writers here, by the ending of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from limner.app.reporting.contents import Report
from limner.core.errors import BadInput, words

NO_WRITER = words("report_kind_unknown", "{path}: a report is written as {known}. Give the file that ending.")

Writer: TypeAlias = Callable[[Report, Path], Path]

_WRITERS: dict[str, Writer] = {}


def writer(*endings: str) -> Callable[[Writer], Writer]:
    """The decorator that names the endings a writer writes: `@writer(".html")`."""

    def name(function: Writer) -> Writer:
        _WRITERS.update(dict.fromkeys(endings, function))
        return function

    return name


def write(report: Report, path: Path) -> Path:
    """Write a report into a file by the writer of its ending."""
    found = _WRITERS.get(path.suffix.lower())
    if found is None:
        raise BadInput(NO_WRITER, path=path, known=", ".join(sorted(_WRITERS)) or "…")
    return found(report, path)
