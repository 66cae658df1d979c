"""Purposes at work: for whom each tag stays unknown, whom a model leaves out, and what may be used for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from limner.app.privacy.covering import Bools, Owners, uncovered
from limner.app.stale import consents_mark
from limner.core.ids import version
from limner.core.ours import Model, Tag
from limner.core.purposes import ANY, UNBOUND, Binder, Binding, listed, only
from limner.flow.models.examples import Bound
from limner.flow.tags.catalog import catalog
from limner.flow.tags.tag import ground_of, stands_on
from limner.store.lake.sql import statement

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.workspace import Workspace
    from limner.core.errors import BadDefinition
    from limner.core.settings import Settings
    from limner.store.definitions import Definitions
    from limner.store.gallery import Draft, Header
    from limner.store.stores import Stores


@dataclass(frozen=True, slots=True)
class Bindings:
    """What every tag and model is bound to, the tag each column belongs to, and what is wrong with it."""

    tags: Mapping[str, Binding]
    models: Mapping[str, Binding]
    owners: Mapping[str, str]
    barred: Mapping[str, frozenset[str]]
    wrong: tuple[BadDefinition, ...] = ()

    def of(self, column: str) -> tuple[str, Binding]:
        """The tag or model a column belongs to, and what it is bound to; traits are bound to nothing."""
        if column in self.models:
            return column, self.models[column]
        name = self.owners.get(column, column)
        return name, self.tags.get(name, UNBOUND)


FREE = Bindings({}, {}, {}, {})
"""Nothing is bound to a purpose."""


def is_bound(settings: Settings, definitions: Definitions) -> bool:
    """Whether any tag or model is bound to purposes."""
    named = [tag.purposes for tag in definitions.of(Tag).values()]
    named += [model.purposes for model in definitions.of(Model).values()]
    return any(only(purposes) is not None for purposes in (*named, listed(settings.privacy.purposes)))


def bindings(
    settings: Settings, definitions: Definitions, on: Mapping[str, tuple[str, ...]], owners: Mapping[str, str]
) -> Bindings:
    """Bind all tags, each after those it stands on (`on`), then all models; `owners` gives the tag of a column.

    A model that names no features reads all columns it may be used for: the others are barred to it.
    """
    usual = listed(settings.privacy.purposes)
    binder = Binder(usual)
    binder.bind_all({name: placed.tag.purposes for name, placed in catalog(definitions).items()}, on, "tags")
    tags = dict(binder.bound)
    models: dict[str, Binding] = {}
    barred: dict[str, frozenset[str]] = {}
    for name, model in definitions.of(Model).items():
        own = Binding(only(model.purposes or usual))
        reads = [owners.get(feature, feature) for feature in model.features]
        if not model.features:
            reads = sorted(tag for tag, found in tags.items() if found.covers(own))
            barred[name] = frozenset(column for column, tag in owners.items() if tag not in reads)
        models[name] = binder.bind(name, model.purposes, reads, f"models/{name}")
    return Bindings(tags, models, owners, barred, tuple(binder.wrong))


def owners_of(definitions: Definitions, headers: Mapping[str, Header]) -> dict[str, str]:
    """The tag each column of a version was computed for."""
    tag_of = {placed.version: name for name, placed in catalog(definitions).items()}
    return {name: tag_of[header.version] for name, header in headers.items() if header.version in tag_of}


def draft_columns(definitions: Definitions, headers: Mapping[str, Header]) -> frozenset[str]:
    """The columns of tags that are drafts: nothing reads them that does not name them, and nothing may name them."""
    drafts = {name for name, tag in definitions.of(Tag).items() if tag.state == "draft"}
    return (
        frozenset(c for c, name in owners_of(definitions, headers).items() if name in drafts) if drafts else frozenset()
    )


def purposes_mark(shop: Workspace, asof: datetime) -> str:
    """A mark of the consents bound tags and models stand on at an asof; empty when nothing is bound."""
    if not is_bound(shop.settings, shop.definitions):
        return ""
    said = shop.settings.privacy
    return version([said.purposes, said.consent, consents_mark(shop.stores, asof)])


def unknown_of(shop: Workspace, draft: Draft, links: str, asof: datetime) -> Mapping[str, Bools]:
    """For whom each bound tag stays unknown at an asof, by tag; tags nobody is left out of are not in it."""
    found = bindings_in(shop, draft.headers, links, asof)
    return _left_out(shop.stores, {name: one.needs for name, one in found.tags.items()}, links, asof, draft.size)


def model_bounds(shop: Workspace, draft: Draft, links: str, asof: datetime) -> Mapping[str, Bound]:
    """Whom each model leaves out at an asof, and which columns it may not read."""
    from limner.store.gallery.bits import pack, to_bitmap

    found = bindings_in(shop, draft.headers, links, asof)
    drafts = draft_columns(shop.definitions, draft.headers)
    if not found.models:
        unnamed = [name for name, model in shop.definitions.of(Model).items() if not model.features]
        return dict.fromkeys(unnamed, Bound(barred=drafts)) if drafts else {}
    needs = {name: one.needs for name, one in found.models.items()}
    left = _left_out(shop.stores, needs, links, asof, draft.size)
    living = draft.view(asof=asof.isoformat()).living
    return {
        name: Bound(
            apart=to_bitmap(pack(left[name])) & living if name in left else Bound().apart,
            barred=found.barred.get(name, frozenset()) | drafts,
            purposes=tuple(sorted(one.purposes)) if one.purposes is not None else (ANY,),
            needs=tuple(sorted(one.needs)),
        )
        for name, one in found.models.items()
    }


def bindings_in(shop: Workspace, headers: Mapping[str, Header], links: str, asof: datetime) -> Bindings:
    """What the tags and models of a version are bound to, by its columns."""
    if not is_bound(shop.settings, shop.definitions):
        return FREE
    types = {name: header.type for name, header in headers.items()}
    on = stands_on(shop.definitions, ground_of(shop.stores, asof, {"links": links}, types))
    return bindings(shop.settings, shop.definitions, on, owners_of(shop.definitions, headers))


def binding_of(shop: Workspace, portrait: Portrait, column: str) -> Binding:
    """What one tag or model is bound to."""
    return bindings_in(shop, portrait.version.headers, portrait.links, portrait.asof).of(column)[1]


def _left_out(
    stores: Stores, needs: Mapping[str, frozenset[str]], links: str, asof: datetime, size: int
) -> dict[str, Bools]:
    """Who is left out of each name, whose needs are purposes; every purpose is looked up once."""
    express = frozenset(listed(stores.settings.privacy.consent))
    wanted = sorted(set().union(*needs.values()))
    if not wanted:
        return {}
    owners = _owners(stores, links, size)
    out = {p: uncovered(stores.ledger, p, owners, asof, is_express=p in express) for p in wanted}
    found = {name: _any(out[purpose] for purpose in sorted(purposes)) for name, purposes in needs.items() if purposes}
    return {name: mask for name, mask in found.items() if mask.any()}


def _any(masks: Iterable[Bools]) -> Bools:
    first, *others = masks
    for mask in others:
        first = first | mask
    return first


def _owners(stores: Stores, links: str, size: int) -> Owners:
    found = stores.lake.table(statement("limner.flow.profiles", "links.sql"), versions={"links": links})
    number = found["number"].to_numpy().astype(np.int64)
    return Owners(found["trace"].to_numpy(), number, size)
