"""The progress line on a terminal: one bar, drawn on standard error, gone when the work is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from limner.core.tell import Tell, silent


@contextmanager
def progress(*, is_shown: bool) -> Iterator[Tell]:
    """A `tell` that draws a bar while the block runs; silent where nobody would see it."""
    if not is_shown or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)

        def tell(done: int, total: int, words: str) -> None:
            bars.update(task, completed=done, total=total or None, description=words)

        yield tell
