"""Who writes a report into a file: the doors put their writers here, by the ending of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from limner.app.reporting.contents import Report
from limner.core.errors import BadInput, words

NO_WRITER = words("report_kind_unknown", "{path}: a report is written as {known}. Give the file that ending.")

Writer: TypeAlias = Callable[[Any, Path], Path]

_WRITERS: dict[tuple[type, str], Writer] = {}


def writer(*endings: str, of: type = Report) -> Callable[[Writer], Writer]:
    """The decorator that names the endings a writer writes, and what it writes: `@writer(".html")`."""

    def name(function: Writer) -> Writer:
        _WRITERS.update(dict.fromkeys([(of, ending) for ending in endings], function))
        return function

    return name


def write(report: object, path: Path) -> Path:
    """Write a report, or another page, into a file by the writer of its ending."""
    found = _WRITERS.get((type(report), path.suffix.lower()))
    if found is None:
        known = sorted(ending for of, ending in _WRITERS if of is type(report))
        raise BadInput(NO_WRITER, path=path, known=", ".join(known) or "…")
    return found(report, path)
