"""`run`: resolve, build, tag, learn, select: whatever is stale at an asof, then one pointer moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from limner.app.grounds import PORTRAIT
from limner.app.opening import need_room
from limner.app.privacy.erasing import finish_erasures
from limner.app.snapshots import EVERYTHING, Wanted
from limner.app.stale import consents_mark, definitions_mark, files_mark, name_of
from limner.core.ids import version
from limner.core.spans import midnight, parse_instant
from limner.flow.identity import resolve
from limner.flow.identity.resolve import note, said
from limner.flow.identity.review import accepted_mark
from limner.flow.profiles import build
from limner.flow.profiles.build import VERSION as PROFILES_VERSION
from limner.flow.tags.catalog import catalog
from limner.flow.tags.tag import tag
from limner.store.ledger import views
from limner.store.ledger.views import Published

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.store.gallery import Draft, Version
    from limner.store.stores import Stores

_LINKS = "lake:links"
_BEHAVIOUR = ("events", "lines", "items", "holdings")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run built: the portrait's name, its customers, its columns, what was done and what was still fresh."""

    asof: datetime
    version: str
    customers: int
    identified: int
    anonymous: int
    tags: int
    audiences: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing was stale."""
        return not self.done


@dataclass(frozen=True, slots=True)
class _Marks:
    """The names of the parts of a portrait at an asof."""

    asof: datetime
    links: str
    profiles: str
    tags: str
    whole: str


def run(shop: Workspace, asof: str | datetime | None = None) -> Ran:
    """Build the portrait at an asof (default: the last local midnight) and make it the one readers see."""
    now = shop.clock()
    at = parse_instant(asof, shop.settings.zone) if isinstance(asof, str) else asof
    at = at or midnight(now, shop.settings.zone)
    need_room(shop.folder, shop.settings)
    shop.declare()
    with shop.stores.ledger.lease("keeper", now, "run"):
        finish_erasures(shop)
        shop.stores.gallery.sweep()
        return _publish(shop, at)


def snapshot(shop: Workspace, asof: datetime, wanted: Wanted = EVERYTHING, links: str = "") -> Version:
    """The profiles and tags at a past asof, or the parts wanted of them; built when not there, and not published.

    `links` says who is who by a version of the links other than that of the asof.
    """
    return shop.stores.gallery.version(_built(shop, asof, wanted, links)[0])


def _marks(shop: Workspace, asof: datetime, links: str = "") -> _Marks:
    stores, definitions = shop.stores, shop.definitions
    links = links or links_name(stores, asof, accepted_mark(stores, asof))
    profiles = name_of(
        "profiles",
        asof,
        {
            "v": PROFILES_VERSION,
            "links": links,
            "files": files_mark(stores, ["traits"], asof),
            "consents": consents_mark(stores, asof),
            "definitions": definitions_mark(definitions, ["properties", "channels", "identifiers"]),
        },
    )
    tags = version({name: placed.version for name, placed in catalog(definitions).items()})
    behaviour = name_of("tags", asof, {"links": links, "files": files_mark(stores, _BEHAVIOUR, asof), "tags": tags})
    whole = name_of(
        "portrait",
        asof,
        {
            "profiles": profiles,
            "tags": behaviour,
            "definitions": definitions_mark(definitions, ["models", "audiences"]),
        },
    )
    return _Marks(asof, links, profiles, behaviour, whole)


def links_name(stores: Stores, asof: datetime, accepted: str) -> str:
    """The name of who is who at an asof, with the pairs accepted in review of that mark (empty: none)."""
    return name_of(
        "links", asof, {"files": files_mark(stores, ["identifiers"], asof), "accepted": accepted, **said(stores)}
    )


def _built(
    shop: Workspace, asof: datetime, wanted: Wanted = EVERYTHING, links: str = ""
) -> tuple[str, tuple[str, ...]]:
    """The name of the version with profiles and tags at an asof, and what had to be done for it."""
    marks, stores = _marks(shop, asof, links), shop.stores
    whole = f"p-{version([marks.profiles, marks.tags])}"
    name = whole if wanted.is_all else _part_name(marks, wanted)
    for known in (whole, name):
        if known in stores.gallery.versions():
            return known, ()
    done = ["resolve"] if not stores.lake.catalog.has_batch("links", f"view:{marks.links}") else []
    if done:
        shop.tell(0, 0, "resolve")
        resolve(stores, marks.links, who=shop.who, asof=asof, now=shop.clock(), tell=shop.tell)
    base = _base(shop, asof, marks) if wanted.is_all else None
    draft = stores.gallery.draft(base)
    try:
        if base is None or base.labels.get("profiles") != marks.profiles:
            parts = {"has_traits": wanted.has_traits, "has_reach": wanted.has_reach}
            build(stores, shop.definitions, draft, marks.links, asof=asof, tell=shop.tell, **parts)
            done.append("build")
        if _tag(shop, draft, base, marks, wanted.tags):
            done.append("tag")
        labels = {"links": marks.links, "profiles": marks.profiles, "behaviour": behaviour_mark(shop, asof)}
        draft.seal(name, **labels, asof=asof.isoformat())
    except BaseException:
        draft.discard()
        raise
    return name, tuple(done)


def _part_name(marks: _Marks, wanted: Wanted) -> str:
    """The name of a version that holds only some parts: of what they are made, and which they are."""
    profiles = marks.profiles if wanted.has_traits or wanted.has_reach else marks.links
    return f"q-{version([profiles, marks.tags, wanted.tags, wanted.has_traits, wanted.has_reach])}"


def _base(shop: Workspace, asof: datetime, marks: _Marks) -> Version | None:
    """The portrait published last at this asof, when its customers are the same ones: what is fresh in it is kept."""
    found = views.current(shop.stores.ledger, PORTRAIT, asof)
    if found is None or found.body.get("links") != marks.links:
        return None
    return shop.stores.gallery.version(str(found.body["base"]))


def _tag(shop: Workspace, draft: Draft, base: Version | None, marks: _Marks, only: Sequence[str] | None = None) -> bool:
    """Compute the tags that are stale: all of them (or `only` some) when behaviour changed, else those whose definition
    did."""
    known = catalog(shop.definitions)
    if base is not None and base.labels.get("behaviour") == behaviour_mark(shop, marks.asof):
        fresh = {header.version for header in draft.headers.values()}
        only = [name for name, placed in known.items() if placed.version not in fresh]
        stale = {header.version for header in draft.headers.values()} - {p.version for p in known.values()}
        for name in [n for n, header in draft.headers.items() if header.version and header.version in stale]:
            draft.drop(name)
        if not only:
            return False
    tag(
        shop.stores,
        shop.definitions,
        draft,
        who=shop.who,
        asof=marks.asof,
        links=marks.links,
        only=only,
        tell=shop.tell,
    )
    return True


def behaviour_mark(shop: Workspace, asof: datetime) -> str:
    """A mark of the files that tell of behaviour before an asof."""
    return files_mark(shop.stores, _BEHAVIOUR, asof)


def _publish(shop: Workspace, asof: datetime) -> Ran:
    stores, marks = shop.stores, _marks(shop, asof)
    known = views.named(stores.ledger, PORTRAIT, marks.whole)
    if known is not None and marks.whole in stores.gallery.versions():
        _point(shop, marks, dict(known.body))
        return _ran(shop, marks, known.body, ())
    base, done = _built(shop, asof)
    marks = _marks(shop, asof)
    draft = stores.gallery.draft(stores.gallery.version(base))
    try:
        body: dict[str, Any] = {"links": marks.links, "base": base}
        body["models"] = _learn(shop, draft, asof, marks)
        body["audiences"] = _select(shop, draft, asof, marks)
        labels = dict(stores.gallery.version(base).labels)
        draft.seal(marks.whole, **labels)
    except BaseException:
        draft.discard()
        raise
    done = (*done, *(["learn"] if body["models"] else []), *(["select"] if body["audiences"] else []), "publish")
    _point(shop, marks, body, done)
    return _ran(shop, marks, body, done)


def _learn(shop: Workspace, draft: Draft, asof: datetime, marks: _Marks) -> dict[str, str]:
    from limner.app.learning import learn_all

    return learn_all(shop, draft, asof, marks.links)


def _select(shop: Workspace, draft: Draft, asof: datetime, marks: _Marks) -> dict[str, int]:
    from limner.app.asking import select_all

    return select_all(shop, draft, asof, marks.links)


def _point(shop: Workspace, marks: _Marks, body: dict[str, object], done: Sequence[str] = ()) -> None:
    stores, now = shop.stores, shop.clock()
    before = views.current(stores.ledger, _LINKS)
    if "resolve" not in done and before is not None and before.version != marks.links:
        note(stores, marks.links, asof=marks.asof, now=now, previous=before.version)
    seq = stores.lake.catalog.seq()
    with stores.ledger.write() as connection:
        for name, mark, more in ((_LINKS, marks.links, {}), (PORTRAIT, marks.whole, body)):
            views.publish(connection, stores.ledger, Published(name, mark, marks.asof, seq, now, dict(more)))


def _ran(shop: Workspace, marks: _Marks, body: Mapping[str, Any], done: tuple[str, ...]) -> Ran:
    found = shop.stores.gallery.version(marks.whole)
    living, identified = len(found.living), 0
    if "is_identified" in found.headers:
        from limner.store.gallery.bits import to_bitmap

        identified = len(to_bitmap(found.column("is_identified").yes(found.size)))
    return Ran(
        asof=marks.asof,
        version=marks.whole,
        customers=living,
        identified=identified,
        anonymous=living - identified,
        tags=sum(1 for header in found.headers.values() if header.version),
        audiences=body.get("audiences", {}),
        models=body.get("models", {}),
        done=done,
    )
