"""The words a rule may use in a workspace: read off the gallery's columns, the lake's events and the definitions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Final

from limner.core.errors import LimnerError
from limner.core.ours import Audience, Model, Property, Tag
from limner.core.rule import AudienceWord, EventWord, Lexicon, PropertyWord, Rule, TagWord, from_json, parse
from limner.core.rule.lexicon import EVENT_COLUMNS, Type

if TYPE_CHECKING:
    from limner.store.definitions import Definitions
    from limner.store.gallery import Version
    from limner.store.lake.tables import LakeTable

_LAKE_TYPES: Final[Mapping[str, Type]] = {
    "int8": "int",
    "int32": "int",
    "int64": "int",
    "float64": "float",
    "bool": "bool",
    "text": "text",
    "money": "money",
    "instant": "instant",
}
_HIDDEN: Final = ("address.",)


def vocabulary(
    version: Version,
    definitions: Definitions,
    events: LakeTable,
    zone: tzinfo,
    *,
    names: Mapping[str, Iterable[str]] | None = None,
    event_names: Mapping[str, Iterable[str]] | None = None,
    seen: Callable[[], Collection[str]] | None = None,
) -> Lexicon:
    """The lexicon of a version.

    `names` gives other names of columns (a tag's Chinese and English name, by id), `event_names` the event names known
    with their other names, `seen` those that have arrived (see `behaviour.seen_events`). Without event names any name
    passes.
    """
    known: dict[str, tuple[str, ...]] = {tag.id: (tag.name, tag.name_en) for tag in definitions.of(Tag).values()}
    known |= {model.id: (model.name, model.name_en) for model in definitions.of(Model).values()}
    known |= {prop.id: (prop.name,) for prop in definitions.of(Property).values()}
    known |= {name: (*known.get(name, ()), *found) for name, found in (names or {}).items()}
    headers = [h for h in version.headers.values() if not h.name.startswith(_HIDDEN)]
    return Lexicon(
        tags=tuple(TagWord(h.name, h.type, tuple(known.get(h.name, ()))) for h in headers),
        events=tuple(EventWord(name, tuple(found)) for name, found in (event_names or {}).items()),
        audiences=tuple(_audience(a) for a in definitions.of(Audience).values()),
        properties=(*EVENT_COLUMNS, *_properties(events, definitions)),
        zone=zone,
        seen=seen,
    )


def property_types(lexicon: Lexicon) -> Mapping[str, Type]:
    """The type of every event column a rule may compare."""
    return {word.id: word.type for word in lexicon.properties}


def _audience(audience: Audience) -> AudienceWord:
    return AudienceWord(audience.id, _written(audience), (audience.name,) if audience.name else ())


def _written(audience: Audience) -> Rule | None:
    """The rule as it is written; None for another selector, and for a rule that its own check will refuse."""
    if audience.selector != "rule" or not audience.rule:
        return None
    try:
        return parse(audience.rule) if isinstance(audience.rule, str) else from_json(audience.rule)
    except LimnerError:
        return None


def _properties(events: LakeTable, definitions: Definitions) -> list[PropertyWord]:
    declared = definitions.of(Property)
    found = []
    for column, type_ in events.columns.items():
        if column.startswith("p_") and type_ in _LAKE_TYPES:
            name = column.removeprefix("p_")
            display = declared[name].name if name in declared else ""
            found.append(PropertyWord(column, _LAKE_TYPES[type_], (name, *([display] if display else []))))
    return found
