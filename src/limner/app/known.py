"""The definitions in force together with those that ship with the product."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from limner.core.ids import version
from limner.core.ours import Policy, Tag
from limner.store.definitions import Definitions, load_definitions

if TYPE_CHECKING:
    from limner.store.stores import Stores


def known_definitions(stores: Stores) -> Definitions:
    """What is in force, with the built-in tags and the default policy beneath it."""
    return with_built_ins(load_definitions(stores.ledger))


def with_built_ins(found: Definitions) -> Definitions:
    """Definitions with the built-in tags and policy; the workspace's own of the same id count instead."""
    from limner.core.definition import as_mapping
    from limner.flow.tags.packs_reader import built_in

    by_folder = {folder: dict(values) for folder, values in found.by_folder.items()}
    versions = dict(found.versions)
    shipped = [("tags", tag) for tag in built_in().values()] + [("policies", Policy())]
    for folder, value in shipped:
        name = value.id
        if name not in by_folder.setdefault(folder, {}):
            by_folder[folder][name] = value
            versions[folder, name] = version(as_mapping(value))
    return replace(found, by_folder=MappingProxyType(by_folder), versions=MappingProxyType(versions))


def own_tags(found: Definitions) -> dict[str, Tag]:
    """All tags by id."""
    return dict(found.of(Tag))
