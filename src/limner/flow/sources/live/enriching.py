"""Enrichment of what is said live: the texts that a source's `enrich` entries read, as columns of its rows.

An entry reads `agent` (the device's User-Agent), `address` (where the request came from, which is kept nowhere), a
trait, a property or an identifier by the name the client gives it. What it finds becomes traits and properties as the
source declares; where nothing is declared nothing is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from limner.flow.sources.definition import EnrichMap, LiveMap, Source
from limner.flow.sources.enrich import Enriching
from limner.flow.sources.enriching import inputs

if TYPE_CHECKING:
    from limner.core.settings import EnrichSettings
    from limner.flow.sources.live.base import Message

HEAD: Final = "said:"
"""What the names of these columns begin with."""

AGENT, ADDRESS = "agent", "address"

Texts = Callable[["Message", Callable[[Any], str]], Mapping[str, str]]
"""The texts of a message, by the columns they stand in; the other argument makes a value plain."""


def reader(source: Source | None) -> Texts | None:
    """What takes the texts of a source's entries out of a message; None where there are no entries.

    A property counts before a trait of the same name, and that before an identifier.
    """
    wanted = tuple(dict.fromkeys(inputs(source))) if source is not None else ()
    if not wanted:
        return None
    live = (source.live if source is not None else None) or LiveMap()

    def texts(said: Message, plain: Callable[[Any], str]) -> Mapping[str, str]:
        ids = {live.user: said.user, live.anonymous: said.anonymous, **said.identifiers}
        found = {}
        for name in wanted:
            value: Any = None
            if name == AGENT:
                value = said.agent
            elif name == ADDRESS:
                value = said.address
            if not value:
                value = next((part[name] for part in (said.properties, said.traits, ids) if part.get(name)), None)
            if value and not isinstance(value, bool):
                found[HEAD + name] = plain(value)
        return found

    return texts


def entries_of(source: Source, there: Collection[str]) -> tuple[EnrichMap, ...]:
    """The entries of a source over the columns of its rows, of whose inputs only those `there` are named."""
    found = []
    for entry in source.enrich:
        names = tuple(HEAD + name for name in entry.columns or (entry.column,) if name in there)
        if names:
            found.append(replace(entry, column="", columns=names) if entry.columns else replace(entry, column=names[0]))
    return tuple(found)


def filled_by(source: Source) -> tuple[frozenset[str], frozenset[str]]:
    """The traits, and the properties, that entries fill."""
    traits = (name for entry in source.enrich for name in entry.traits)
    return frozenset(traits), frozenset(name for entry in source.enrich for name in entry.properties)


class Finders:
    """Enrichments at work, kept from one drain to the next: a text is read once, and a database is opened once.

    A database that was replaced is opened anew.
    """

    def __init__(self, settings: EnrichSettings) -> None:
        self._settings = settings
        self._stamp = _stamp(settings)
        self._kept: dict[tuple[str, tuple[str, ...]], Enriching] = {}

    def __call__(self, kind: str, finds: Sequence[str]) -> Enriching:
        """A kind held to some of its finds: the one that worked before."""
        stamp = _stamp(self._settings)
        if stamp != self._stamp:
            self._stamp, self._kept = stamp, {}
        key = (kind, tuple(finds))
        if key not in self._kept:
            self._kept[key] = Enriching.of(kind, self._settings, finds)
        return self._kept[key]


def _stamp(settings: EnrichSettings) -> tuple[tuple[str, int], ...]:
    """The databases an operator supplies, and when each was changed last."""
    paths = [Path(path) for path in (settings.ip_database, settings.phone_prefixes) if path]
    return tuple((str(path), path.stat().st_mtime_ns if path.exists() else 0) for path in paths)
