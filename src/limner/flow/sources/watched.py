"""What lies in a source's folder and has not been taken in: the files a watched source may take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from limner.flow.sources.choosing import files_of
from limner.flow.sources.control import control_of
from limner.flow.sources.definition import Source
from limner.flow.sources.loads import mapping_version
from limner.flow.sources.marks import file_mark, given_of, has_failed, seen_files
from limner.store.ledger.tables import loads

if TYPE_CHECKING:
    from limner.store.stores import Stores


def candidates(stores: Stores, source: Source, folder: Path) -> Mapping[Path, str]:
    """The files of a source that may be taken, each with its mark, in the order of their names.

    Left out are files loaded before, files that failed and have not changed since, empty ones, and those whose control
    file is not there yet.
    """
    paths = files_of(source, folder)
    if not paths:
        return {}
    seen = seen_files(stores, [source.id])
    done = _done(stores, source)
    found: dict[Path, str] = {}
    for path in paths:
        one = given_of(source, path, folder)
        known, mark = seen.get((source.id, one.place)), file_mark(source, path)
        is_loaded = known is not None and known.mark == mark and known.content in done
        if is_loaded or has_failed(one, known) or not _is_there(source, path):
            continue
        found[path] = mark
    return found


def _is_there(source: Source, path: Path) -> bool:
    """Whether a file has something in it, and its control file has come."""
    control = control_of(source, path)
    try:
        return path.stat().st_size > 0 and (control is None or control.is_file())
    except OSError:
        return False  # it went while we looked


def _done(stores: Stores, source: Source) -> frozenset[str]:
    """What the mapping as it is now has made loads of. A load that was withdrawn does not come back by itself."""
    mine = (loads.c.source == source.id, loads.c.mapping_version == mapping_version(source))
    settled = loads.c.state.not_in(("running", "failed"))
    with stores.ledger.read() as connection:
        return frozenset(connection.execute(select(loads.c.content_hash).where(*mine, settled)).scalars())
