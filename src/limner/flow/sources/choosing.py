"""Which files a collect reads, and which source reads each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limner.core.errors import BadInput, NotFound, near, words
from limner.flow.sources.definition import Source

if TYPE_CHECKING:
    from limner.store.definitions import Definitions

NO_FILE = words("source_file_missing", "Source {source!r}: there is no file {pattern} in {folder}.")
NO_SUCH_FILE = words("file_missing", "There is no file {path}.")
WHICH_SOURCE = words(
    "source_unclear",
    "Which source is {path}? None of the sources' files fit it. Say limner collect SOURCE --file {path}.",
)
NO_SOURCES = words("sources_none", "There is no source yet. Write one in sources/, or run limner init --from FILES.")


def chosen(
    definitions: Definitions, sources: Sequence[str], files: Sequence[Path], folder: Path
) -> list[tuple[Source, Path]]:
    """The files of the sources named (none named: of all), or the files given, each with the source that reads it.

    Raises NotFound when there is no source, BadInput for a source or a name without a file, and for a file that fits
    none of the sources, or several.
    """
    known = definitions.of(Source)
    if not known:
        raise NotFound(NO_SOURCES)
    wanted = [definitions.find(Source, name) for name in sources] or list(known.values())
    if files:
        return [(_source_of(path, wanted), path) for f in files for path in _paths(folder, str(f))]
    found = []
    for source in wanted:
        paths = list(dict.fromkeys(p for pattern in source.files for p in _matching(folder, pattern)))
        if not paths and sources:
            raise BadInput(NO_FILE, source=source.id, pattern=", ".join(source.files) or "(none named)", folder=folder)
        found += [(source, path) for path in paths]
    return found


def _paths(folder: Path, pattern: str) -> list[Path]:
    found = list(_matching(folder, pattern))
    if not found:
        beside = [p.name for p in (folder / pattern).parent.glob("*")] if (folder / pattern).parent.is_dir() else []
        raise BadInput(NO_SUCH_FILE, near=near(Path(pattern).name, beside), path=pattern)
    return found


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    """A file, the files of a folder, or what a glob fits; in the order of their names."""
    path = Path(pattern) if Path(pattern).is_absolute() else folder / pattern
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith((".", "~$")))
    elif any(mark in pattern for mark in "*?["):
        root = Path(path.anchor) if path.is_absolute() else folder
        relative = str(path.relative_to(path.anchor)) if path.is_absolute() else pattern
        yield from sorted(p for p in root.glob(relative) if p.is_file() and not p.name.startswith(("~$", ".")))


def _source_of(path: Path, known: Sequence[Source]) -> Source:
    if len(known) == 1:
        return known[0]
    fitting = [s for s in known if any(path.match(Path(p).name) or path.match(p) for p in s.files)]
    if len(fitting) != 1:
        raise BadInput(WHICH_SOURCE, near=[s.id for s in fitting], path=path.name)
    return fitting[0]
