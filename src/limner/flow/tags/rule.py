"""Rule tags: yes for the customers a Rule holds for, no for all others."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from limner.core.errors import BadDefinition
from limner.core.ours import Tag
from limner.core.rule import Compare, Has, Lexicon, Near, PropertyWord, TagWord, Top, leaves, parse, resolve
from limner.core.rule.lexicon import EVENT_COLUMNS, Type, by_name
from limner.core.rule.tree import Rule
from limner.flow.tags.base import NEEDED, Asked, Cell, Ground, kind
from limner.store.lake.rule_sql import SqlReading, members_query

_EVENT_TYPES: dict[str, Type] = {
    "text": "text",
    "decimal(18,4)": "money",
    "double": "float",
    "boolean": "bool",
    "timestamptz": "instant",
    "int": "int",
    "tinyint": "int",
    "bigint": "int",
}


@kind("rule")
def rule(tag: Tag, ground: Ground, place: str) -> Asked:
    """A tag of type bool over other tags, traits and behaviour; audiences stand on tags and are not asked here."""
    if not tag.rule.strip():
        raise BadDefinition(NEEDED, place=place, kind="rule", field="rule")
    if tag.type != "bool":
        raise BadDefinition(NEEDED, place=place, kind="rule", field="type: bool")
    tree, properties = parse(tag.rule), _properties(ground)
    tags = _tag_words(ground, tree)
    types = {word.id: word.type for word in tags}
    tree = resolve(tree, Lexicon(tags=tags, properties=properties, zone=ground.zone), text=tag.rule)
    reading = SqlReading(types, ground.asof, ground.zone, {word.id: word.type for word in properties})
    query = members_query(tree, reading)
    for table in query.find_all(exp.Table):
        if table.name == "gallery":
            table.set("this", exp.to_identifier("answers"))
    query = exp.select(exp.column("number", table="m"), exp.true().as_(tag.id, quoted=True)).from_(query.subquery("m"))
    return Asked(query, (Cell(tag.id, "bool", otherwise=False),), needs=_columns(tree, types))


def _tag_words(ground: Ground, tree: Rule) -> tuple[TagWord, ...]:
    """Traits and tags, and where the rule names neither, the columns of tags that have several."""
    found = {name: TagWord(name, kept, ground.names.get(name, ())) for name, kept in ground.columns.items()}
    known = by_name(found.values())
    for leaf in leaves(tree):
        for name in [leaf.tag] if isinstance(leaf, Has | Compare | Top) else []:
            if name.strip().casefold() not in known:
                found |= {word.id: word for word in ground.opened(name)}
    return tuple(found.values())


def _properties(ground: Ground) -> tuple[PropertyWord, ...]:
    """The columns every event has, and the declared ones by their own name."""
    known = {word.id for word in EVENT_COLUMNS}
    columns = ground.relations["events"].columns
    declared = [
        PropertyWord(column, _EVENT_TYPES[kept], (column.removeprefix("p_"),))
        for column, kept in columns.items()
        if column.startswith("p_") and column not in known and kept in _EVENT_TYPES
    ]
    return (*EVENT_COLUMNS, *declared)


def _columns(tree: Rule, types: Mapping[str, Type]) -> tuple[str, ...]:
    """The columns a rule reads, in order of name."""
    found: set[str] = set()
    for leaf in leaves(tree):
        if isinstance(leaf, Has | Compare | Top):
            found.add(leaf.tag)
        elif isinstance(leaf, Near):
            found |= {name for name in (f"{leaf.tag}.lon", f"{leaf.tag}.lat") if name in types}
    return tuple(sorted(found))
