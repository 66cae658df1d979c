"""A source held against the files that are there already: a column misspelt is found before anything is collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.core.errors import BadDefinition, LimnerError
from limner.flow.sources.base import kind_of, reader_of
from limner.flow.sources.choosing import files_of
from limner.flow.sources.reading import columns_of

if TYPE_CHECKING:
    from limner.flow.sources.definition import Source

_FILES: Final = 3
"""Files that are looked at, the last by name: they need not all have the same columns."""

_MOST: Final = 8 << 20
"""Bytes of a file whose beginning cannot be read without the rest."""

_WHOLE: Final = frozenset({"excel"})


def against_files(source: Source, folder: Path, hold: Callable[[Mapping[str, str], str], object]) -> None:
    """Hold a source against the columns of its newest files; raises what `hold` raises when it does so of every one.

    A file that cannot be read is left to the collect, which says so. Without files there is nothing to hold against.
    """
    if source.sql is not None:
        return
    wrong: list[BadDefinition] = []
    for path in files_of(source, folder)[-_FILES:]:
        columns = _columns(source, path)
        if columns is None:
            continue
        try:
            hold(columns, path.name)
        except BadDefinition as error:
            wrong.append(error)
        else:
            return
    if wrong:
        raise wrong[-1]


def _columns(source: Source, path: Path) -> Mapping[str, str] | None:
    """The columns of a file; None when they cannot be read, or not at once."""
    try:
        if reader_of(path, kind_of(source))[0] in _WHOLE and path.stat().st_size > _MOST:
            return None
        return columns_of(source, path)
    except (LimnerError, OSError):
        return None
