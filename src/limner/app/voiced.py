"""The words rules and templates may use once definitions are in force: columns to be, and the lexicon over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from limner.app.named import column_names
from limner.app.promised import promised_traits
from limner.core.errors import BadDefinition, LimnerError, NotFound, near, words
from limner.core.ours import Channel, Model, Property
from limner.core.rule import Lexicon
from limner.core.rule.lexicon import Type
from limner.flow.audiences import vocabulary
from limner.flow.audiences.behaviour import seen_events
from limner.flow.sources.definition import Source, as_field
from limner.flow.sources.names import canonical_name
from limner.flow.sources.names import names as event_names
from limner.flow.tags.base import Ask
from limner.flow.tags.catalog import Placed, built_in, catalog
from limner.flow.tags.relations import SQL_TYPES, relations
from limner.flow.tags.tag import Work, ground_of, prepare
from limner.store.gallery.column import Header
from limner.store.lake.tables import TABLES, LakeTable

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.tags.base import Ground
    from limner.store.definitions import Definitions
    from limner.store.gallery import Version

NO_FEATURE = words("feature_unknown", "There is no tag or trait {name!r} to learn from.")


@dataclass(frozen=True, slots=True)
class Voice:
    """The columns there will be with their types, the lexicon over them, the events table as it will be, the tag each
    column belongs to, and what each tag stands on."""

    columns: Mapping[str, Type]
    lexicon: Lexicon
    events: LakeTable
    owners: Mapping[str, str] = field(default_factory=dict)
    on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def column(self, name: str) -> Type:
        """The type of a column."""
        if name not in self.columns:
            raise BadDefinition(NO_FEATURE, near=near(name, self.columns), name=name)
        return self.columns[name]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A version that has not been built: its headers, which is all a vocabulary reads."""

    headers: Mapping[str, Header]


def voice_of(shop: Workspace, definitions: Definitions, kept: Version | None = None) -> tuple[Voice, list[LimnerError]]:
    """The words of a workspace under some definitions, and what is wrong with their tags.

    What `kept`, a version that was run, holds of tags that are asked as they were then is read off it, unchecked.
    """
    declared = [(name, kept.type) for name, kept in definitions.of(Property).items()]
    events = TABLES["events"].with_properties(declared)
    traits = {**_built(shop), **_traits(definitions)}
    tags, wrong = _tags(shop, definitions, events, traits, kept)
    models: dict[str, Type] = dict.fromkeys(definitions.of(Model), "float")
    columns = {**traits, **tags.types, **models}
    headers = {name: Header(name, kept, "", 0, "", 0) for name, kept in columns.items()}
    lexicon = vocabulary(
        cast("Version", _Planned(headers)),
        definitions,
        events,
        shop.settings.zone,
        names=column_names(definitions, _safe_catalog(definitions), tags.types),
        event_names=None if _is_open(shop, definitions) else event_names(),
        seen=lambda: seen_events(shop.stores.lake) | _said(definitions),
    )
    return Voice(columns, lexicon, events, tags.owners, tags.on), wrong


def _said(definitions: Definitions) -> frozenset[str]:
    """The event names that sources write out."""
    fields = [as_field(entry.name) for source in definitions.of(Source).values() for entry in source.events]
    found = {name for long in fields for name in (long.constant, long.other, *long.words.values()) if name}
    return frozenset(canonical_name(name) for name in found) | found


def _is_open(shop: Workspace, definitions: Definitions) -> bool:
    """Whether any event name must pass: sources read names from their files, and nothing has arrived yet."""
    fields = (as_field(entry.name) for source in definitions.of(Source).values() for entry in source.events)
    reads_names = any(long.column or long.columns for long in fields)
    return reads_names and not shop.stores.lake.catalog.snapshot().has("events")


def _built(shop: Workspace) -> dict[str, Type]:
    """The columns of the newest portrait: traits stated by loads of sources that are gone stay words."""
    return {name: header.type for name, header in _headers(shop).items() if not header.version}


def _headers(shop: Workspace) -> Mapping[str, Header]:
    """The columns of the newest portrait; none without one."""
    from limner.app.grounds import portrait_of

    try:
        return portrait_of(shop).version.headers
    except NotFound:
        return {}


def _fresh_headers(shop: Workspace) -> Mapping[str, Header]:
    """The columns of the newest portrait when no behaviour has come in since; else none."""
    from limner.app.grounds import portrait_of
    from limner.app.running import behaviour_mark

    try:
        version = portrait_of(shop).version
    except NotFound:
        return {}
    is_fresh = version.labels.get("behaviour") == behaviour_mark(shop, shop.clock())
    return version.headers if is_fresh else {}


def _traits(definitions: Definitions) -> dict[str, Type]:
    leads = ("reach", "consent")
    reach: dict[str, Type] = {f"{lead}.{name}": "bool" for name in definitions.of(Channel) for lead in leads}
    return {"is_identified": "bool", **reach, **promised_traits(definitions)}


@dataclass(frozen=True, slots=True)
class _Cells:
    """The columns of tags: their types, whose they are, and what each tag stands on."""

    types: dict[str, Type] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    on: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, work: Work) -> None:
        """Take in what some tags would fill."""
        for name, part in work.parts.items():
            self.on[name] = work.stands_on(name)
            for cell in part.cells:
                self.types[cell.column], self.owners[cell.column] = cell.type, name


def _tags(
    shop: Workspace,
    definitions: Definitions,
    events: LakeTable,
    traits: Mapping[str, Type],
    kept: Version | None = None,
) -> tuple[_Cells, list[LimnerError]]:
    """The columns of all tags, and the errors of those that cannot be read."""
    ground = ground_of(shop.stores, shop.clock(), columns=dict(traits))
    ground = replace(ground, relations=relations({**shop.stores.lake.tables(), "events": events}))
    ground = replace(ground, ask=_asking(shop, events, ground.ask))
    try:
        return _known_cells(shop, definitions, ground, kept)
    except LimnerError:
        pass
    wrong: list[LimnerError] = []
    columns = _Cells()
    try:
        known = catalog(definitions)
    except LimnerError as error:
        return columns, [error]
    for name, placed in known.items():
        columns.types[name], columns.owners[name] = placed.tag.type, name
        try:
            work = prepare(definitions, ground, [name])
        except LimnerError as error:
            wrong.append(error.at(placed.place))
            continue
        columns.add(work)
        wrong += work.unfound.values()
    return columns, wrong


def _asking(shop: Workspace, events: LakeTable, ask: Ask) -> Ask:
    """Questions to the lake in which properties it does not know yet are of nobody."""
    known = shop.stores.lake.tables()["events"].columns
    fresh = {name: SQL_TYPES[kept] for name, kept in events.columns.items() if name not in known}

    def nobody(node: exp.Expr) -> exp.Expr:
        is_fresh = isinstance(node, exp.Column) and node.name in fresh
        return exp.cast(exp.null(), exp.DataType.build(fresh[node.name], dialect="duckdb")) if is_fresh else node

    return (lambda query: ask(cast("exp.Query", query.transform(nobody)))) if fresh else ask


def _known_cells(
    shop: Workspace, definitions: Definitions, ground: Ground, kept: Version | None
) -> tuple[_Cells, list[LimnerError]]:
    """The columns of tags; those of a tag that `kept`, or else the newest portrait, holds are read off it. All tags are
    checked but those whose columns, and what they stand on, were kept. With what is wrong with tags that read members
    of nobody."""
    known, found = catalog(definitions), _Cells()
    held: dict[str, dict[str, Type]] = {}
    for name, header in (_fresh_headers(shop) if kept is None else kept.headers).items():
        held.setdefault(header.version, {})[name] = header.type
    same = {name: held[placed.version] for name, placed in known.items() if placed.version in held}
    on = {} if kept is None else {name: tuple(on) for name, on in kept.labels.get("on", {}).items() if name in same}
    quiet = replace(ground, ask=lambda query: ground.ask(exp.select("*").from_(query.subquery()).limit(0)))
    asked = prepare(definitions, quiet, [name for name in same if name not in on])
    found.on.update({name: asked.stands_on(name) for name in asked.parts} | on)
    work = prepare(definitions, ground, [name for name in known if name not in same or name in asked.readers])
    found.add(work)
    for name, columns in same.items():
        found.types.update(columns)
        found.owners.update(dict.fromkeys(columns, name))
    return found, list(work.unfound.values())


def _safe_catalog(definitions: Definitions) -> Mapping[str, Placed]:
    try:
        return catalog(definitions)
    except LimnerError:
        return built_in()
