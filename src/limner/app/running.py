"""`run`: resolve, build, tag, learn, select: whatever is stale at an asof, then one pointer moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from limner.app.former import drop_former
from limner.app.grounds import PORTRAIT, refusals
from limner.app.opening import need_room
from limner.app.privacy.erasing import finish_erasures
from limner.app.privacy.purposes import purposes_mark, unknown_of
from limner.app.promised import promised_traits
from limner.app.saved import frozen_mark, note_refreshes
from limner.app.snapshots import EVERYTHING, Wanted
from limner.app.stale import consents_mark, definitions_mark, files_mark, name_of
from limner.app.tags.counting import Stopwatch, figures_of
from limner.app.tags.states import unpublished
from limner.core.errors import LimnerError, packed
from limner.core.ids import version
from limner.core.spans import midnight, parse_instant
from limner.flow.identity import resolve
from limner.flow.identity.resolve import note, said
from limner.flow.identity.review import accepted_mark
from limner.flow.identity.unbound import part_unbound
from limner.flow.profiles import build
from limner.flow.profiles.build import VERSION as PROFILES_VERSION
from limner.flow.tags.catalog import catalog
from limner.flow.tags.columns import WITHOUT_OWN
from limner.flow.tags.member_columns import may_be_empty
from limner.flow.tags.tag import VERSION as TAGS_VERSION
from limner.flow.tags.tag import ground_of, stands_on, tag
from limner.store.ledger import views
from limner.store.ledger.views import Published

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.flow.audiences.select import Selected
    from limner.flow.tags.tag import Tagged
    from limner.store.gallery import Draft, Version
    from limner.store.stores import Stores

_LINKS = "lake:links"
_BEHAVIOUR = ("events", "lines", "items", "holdings")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run built: the portrait's name, its customers, its columns, what was done and what was still fresh.

    `refused` are audiences the facts did not carry, and why; they have no members in this portrait. `passes` says of
    each tag that keeps sums whether it was an `increment`, or why all events were read. `unfound` are tags that read a
    member of a family nobody has an answer of.
    """

    asof: datetime
    version: str
    customers: int
    identified: int
    anonymous: int
    tags: int
    audiences: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    refused: Mapping[str, LimnerError] = field(default_factory=dict)
    passes: Mapping[str, str] = field(default_factory=dict)
    unfound: Mapping[str, LimnerError] = field(default_factory=dict)

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
    purposes: str = ""


def run(shop: Workspace, asof: str | datetime | None = None) -> Ran:
    """Build the portrait at an asof (default: the last local midnight) and make it the one readers see."""
    now = shop.clock()
    at = parse_instant(asof, shop.settings.zone) if isinstance(asof, str) else asof
    at = at or midnight(now, shop.settings.zone)
    need_room(shop.folder, shop.settings)
    shop.declare()
    with shop.keeper(now, "run"):
        finish_erasures(shop)
        shop.stores.gallery.sweep()
        part_unbound(shop.stores, now)
        done = _publish(shop, at)
        drop_former(shop)
        return done


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
            "promised": promised_traits(definitions),
            "definitions": definitions_mark(definitions, ["properties", "channels", "identifiers"]),
        },
    )
    tags = version({name: placed.version for name, placed in catalog(definitions).items()})
    purposes = purposes_mark(shop, asof)
    read = {"v": TAGS_VERSION, "links": links, "files": files_mark(stores, _BEHAVIOUR, asof), "tags": tags}
    behaviour = name_of("tags", asof, {**read, **({"purposes": purposes} if purposes else {})})
    whole = name_of(
        "portrait",
        asof,
        {
            "profiles": profiles,
            "tags": behaviour,
            "definitions": definitions_mark(definitions, ["models", "audiences"]),
            **({"frozen": frozen} if (frozen := frozen_mark(shop)) else {}),
            **({"unpublished": states} if (states := unpublished(definitions)) else {}),
        },
    )
    return _Marks(asof, links, profiles, behaviour, whole, purposes)


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
            build(
                stores,
                shop.definitions,
                draft,
                marks.links,
                asof=asof,
                promised=promised_traits(shop.definitions) if wanted.has_traits else None,
                has_reach=wanted.has_reach,
                tell=shop.tell,
            )
            done.append("build")
        seconds = dict(base.labels.get("seconds", {})) if base is not None else {}
        on = dict(base.labels.get("on", {})) if base is not None else {}
        made = _tag(shop, draft, base, marks, wanted.tags, seconds)
        if made is not None:
            done.append("tag")
            on |= made.on
        labels = {"links": marks.links, "profiles": marks.profiles, "behaviour": behaviour_mark(shop, asof)}
        labels |= {"purposes": marks.purposes, "asof": asof.isoformat()}
        told = {"passes": dict(made.passes), "unfound": _packed(made.unfound)} if made is not None else {}
        draft.seal(name, **labels, **told, seconds=seconds, on=on)
    except BaseException:
        draft.discard()
        raise
    return name, tuple(done)


def _packed(errors: Mapping[str, LimnerError]) -> dict[str, str]:
    return {name: packed(why) for name, why in errors.items()}


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


def _tag(
    shop: Workspace,
    draft: Draft,
    base: Version | None,
    marks: _Marks,
    only: Sequence[str] | None,
    seconds: dict[str, float],
) -> Tagged | None:
    """Compute the tags that are stale: all of them (or `only` some) when behaviour or the consents they stand on
    changed, else those whose definition did. None when nothing was stale. `seconds` is told what each took."""
    known = catalog(shop.definitions)
    if base is not None and _is_fresh(shop, base, marks):
        fresh = {header.version for header in draft.headers.values()}
        only = _stale(shop, draft, marks, [name for name, placed in known.items() if placed.version not in fresh])
        stale = {header.version for header in draft.headers.values()} - {p.version for p in known.values()}
        for name in [n for n, header in draft.headers.items() if header.version and header.version in stale]:
            draft.drop(name)
        if not only:
            return None
    watch = Stopwatch(shop.tell)
    made = tag(
        shop.stores,
        shop.definitions,
        draft,
        who=shop.who,
        asof=marks.asof,
        links=marks.links,
        only=only,
        unknown=unknown_of(shop, draft, marks.links, marks.asof),
        former=_former(shop, marks.asof),
        tell=watch,
    )
    seconds |= watch.by_tag(known, made.columns)
    return made


def _former(shop: Workspace, asof: datetime) -> Version | None:
    """The portrait of the latest asof that is not after one, of those that stand: sums it kept are added to."""
    standing = set(shop.stores.gallery.versions())
    known = [
        found
        for found in views.every(shop.stores.ledger, PORTRAIT)
        if found.asof is not None and found.asof <= asof and found.body.get("base") in standing
    ]
    latest = max(known, key=lambda found: found.asof or asof, default=None)
    return shop.stores.gallery.version(str(latest.body["base"])) if latest is not None else None


def _stale(shop: Workspace, draft: Draft, marks: _Marks, changed: Sequence[str]) -> list[str]:
    """The tags that changed, those that stand on them, and all that read members of a family that is read again: it has
    columns of what is read of it."""
    if not changed:
        return []
    types = {name: header.type for name, header in draft.headers.items()}
    on = stands_on(shop.definitions, ground_of(shop.stores, marks.asof, {"links": marks.links}, types))
    known, stale, more = catalog(shop.definitions), set(changed), set(changed)
    while more:
        again = {other for name in stale for other in on[name] if known[other].tag.kind in WITHOUT_OWN}
        more = {name for name, others in on.items() if not (stale | again).isdisjoint(others)} - stale
        stale |= more
    return sorted(stale)


def _is_fresh(shop: Workspace, base: Version, marks: _Marks) -> bool:
    """Whether behaviour, and the consents that tags stand on, are those a version was made from."""
    same = base.labels.get("behaviour") == behaviour_mark(shop, marks.asof)
    return same and base.labels.get("purposes", "") == marks.purposes


def behaviour_mark(shop: Workspace, asof: datetime) -> str:
    """A mark of the files that tell of behaviour before an asof, and of how tags are made of them."""
    return version([TAGS_VERSION, files_mark(shop.stores, _BEHAVIOUR, asof)])


def _publish(shop: Workspace, asof: datetime) -> Ran:
    stores, marks = shop.stores, _marks(shop, asof)
    known = views.named(stores.ledger, PORTRAIT, marks.whole)
    if known is not None and marks.whole in stores.gallery.versions():
        _point(shop, marks, dict(known.body))
        note_refreshes(shop, stores.gallery.version(marks.whole), asof)
        return _ran(shop, marks, known.body, ())
    base, done = _built(shop, asof)
    marks = _marks(shop, asof)
    draft = stores.gallery.draft(stores.gallery.version(base))
    try:
        body: dict[str, Any] = {"links": marks.links, "base": base}
        body["models"] = _learn(shop, draft, asof, marks)
        selected = _select(shop, draft, asof, marks)
        body["audiences"] = dict(selected.members)
        body["refused"] = _packed(selected.refused)
        labels = dict(stores.gallery.version(base).labels)
        view, former = draft.view(**labels), _before(shop, asof)
        draft.put_figures(figures_of(shop, shop.definitions, view, marks.links, asof, former))
        draft.seal(marks.whole, **labels)
    except BaseException:
        draft.discard()
        raise
    done = (*done, *(["learn"] if body["models"] else []), *(["select"] if body["audiences"] else []), "publish")
    _point(shop, marks, body, done)
    note_refreshes(shop, stores.gallery.version(marks.whole), asof)
    return _ran(shop, marks, body, done)


def _before(shop: Workspace, asof: datetime) -> Version | None:
    """The portrait of the nearest asof before this one."""
    found = [one for one in views.every(shop.stores.ledger, PORTRAIT) if one.asof is not None and one.asof < asof]
    standing = set(shop.stores.gallery.versions())
    for one in sorted(found, key=lambda one: one.asof or asof, reverse=True):
        if one.version in standing:
            return shop.stores.gallery.version(one.version)
    return None


def is_current(shop: Workspace, version: Version, asof: datetime) -> bool:
    """Whether the facts, and the tags that are asked of them, are those a version was made from."""
    marks = _marks(shop, asof)
    answered = {header.version for header in version.headers.values()}
    is_tagged = all(
        placed.version in answered or may_be_empty(placed, version) for placed in catalog(shop.definitions).values()
    )
    return is_tagged and version.labels.get("profiles") == marks.profiles and _is_fresh(shop, version, marks)


def _learn(shop: Workspace, draft: Draft, asof: datetime, marks: _Marks) -> dict[str, str]:
    from limner.app.learning import learn_all

    return learn_all(shop, draft, asof, marks.links)


def _select(shop: Workspace, draft: Draft, asof: datetime, marks: _Marks) -> Selected:
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
        refused=refusals(body),
        passes=found.labels.get("passes", {}) if "tag" in done else {},
        unfound=refusals({"refused": found.labels.get("unfound", {})}) if "tag" in done else {},
    )
