"""The definitions in force together with those that ship with the product."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from limner.app.folders import know_definitions
from limner.app.tags.states import in_force
from limner.core.definition import as_mapping
from limner.core.ids import version
from limner.core.ours import Policy
from limner.store.definitions import Definitions, load_definitions

if TYPE_CHECKING:
    from limner.store.stores import Stores


def known_definitions(stores: Stores) -> Definitions:
    """What is in force, with the default policy beneath it and every tag in its state. Built-in tags stand in the tags
    station's own catalog."""
    return in_force(stores.ledger, with_default_policy(written_definitions(stores)), stores.settings)


def written_definitions(stores: Stores) -> Definitions:
    """The definitions as they are written, tags in whatever state."""
    know_definitions()
    return load_definitions(stores.ledger)


def with_default_policy(found: Definitions) -> Definitions:
    """Definitions with a policy named default, where they have none."""
    policies = dict(found.by_folder.get("policies", {}))
    if "default" in policies:
        return found
    policy = Policy()
    by_folder = {**found.by_folder, "policies": MappingProxyType({**policies, "default": policy})}
    versions = {**found.versions, ("policies", "default"): version(as_mapping(policy))}
    return replace(found, by_folder=MappingProxyType(by_folder), versions=MappingProxyType(versions))
