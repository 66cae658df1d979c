"""The catalogue of tags: a row for each, and a page with all that is known of one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from limner.app.grounds import Portrait, portrait_of
from limner.app.known import written_definitions
from limner.app.privacy.purposes import bindings
from limner.app.tags.counting import as_figures, figures_of
from limner.app.tags.states import Standing, standings, woken
from limner.app.tags.telling import told_figures
from limner.app.uses import Desk, users
from limner.app.voiced import Voice, voice_of
from limner.core.errors import NotFound
from limner.core.ours import Property, Tag
from limner.core.purposes import UNBOUND, Binding, listed
from limner.core.rule import Aggregate, Did, Sequence, leaves, parse
from limner.flow.tags.figures import Figures
from limner.flow.tags.interest import POINTS
from limner.maths.drift import LARGE
from limner.store.lake.checked import values_of
from limner.store.ledger.tables import definitions as versions
from limner.store.ledger.tag_acts import acts_of

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

CLASSES: Final = ("public", "internal", "personal", "sensitive")
_RISK: Final = {"public": 0.0, "internal": 40.0, "personal": 70.0, "sensitive": 100.0}
TOO_FEW: Final = {"known": "coverage", "held": "holding"}
"""What a row names that it does not tell, by the figure it is read off."""
_PROPERTY: Final = re.compile(r"\bp_\w+")


@dataclass(frozen=True, slots=True)
class Quality:
    """One of the four qualities: 0 to 100 (None: cannot be said), and the parts it is made of."""

    value: int | None
    parts: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a tag's history: a version defined, published, or retired; when, by whom, why."""

    happened_at: datetime
    what: str
    version: str
    actor: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag in the list. `coverage` is the share of customers whose answer is known, `holding` of those whose answer is
    not the usual one; None where no portrait holds the tag, or it would tell of too few (named in `too_few`). A tag
    with several `columns` is counted by its main one; `least_covered` and `most_covered` are the ends of them all."""

    id: str
    name: str
    kind: str
    state: str
    owner: str
    path: str
    sensitivity: str
    coverage: float | None = None
    holding: float | None = None
    drift: float | None = None
    users: int = 0
    attention: int | None = None
    stability: int | None = None
    safety: int | None = None
    optimisation: int | None = None
    columns: int = 1
    least_covered: float | None = None
    most_covered: float | None = None
    too_few: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagPage:
    """All that is known of a tag beside what it asks: see the guide for what each field says."""

    state: str
    owner: str
    sensitivity: str
    users: tuple[str, ...]
    history: tuple[Change, ...]
    waiting: str
    figures: Figures | None
    asof: datetime
    newest_at: datetime | None
    age: timedelta | None
    seconds: float | None
    qualities: Mapping[str, Quality]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What rows and pages are read off."""

    known: Mapping[str, Standing]
    users: Mapping[str, tuple[str, ...]]
    voice: Voice
    bound: Mapping[str, Binding]
    figures: Mapping[str, Any]
    newest: Mapping[str, str]
    seconds: Mapping[str, float]
    personal: frozenset[str]
    express: frozenset[str]
    least: int
    trees: frozenset[str]

    def told(self, name: str) -> Figures | None:
        """The figures of a tag as far as they may be told."""
        kept = self.figures.get(name)
        return (
            None if kept is None else told_figures(as_figures(kept), self.least, is_tree=kept["column"] in self.trees)
        )


def tags(
    shop: Workspace, *, kind: str = "", state: str = "", owner: str = "", under: str = "", unused: bool = False
) -> tuple[TagRow, ...]:
    """All tags, in order of path and id; of a kind, in a state, of an owner, under a path, or those nothing uses."""
    shelf = _shelf(shop, _newest_portrait(shop))
    rows = (_row(shelf, name, one) for name, one in shelf.known.items())
    found = [
        row
        for row in rows
        if (not kind or row.kind == kind)
        and (not state or row.state == state)
        and (not owner or row.owner == owner)
        and (not under or row.path == under or row.path.startswith(f"{under}/"))
        and not (unused and row.users)
    ]
    return tuple(sorted(found, key=lambda row: (row.path, row.id)))


def page_of(shop: Workspace, found: Portrait, name: str) -> TagPage:
    """The page of one tag."""
    shelf = _shelf(shop, found)
    one = shelf.known[name]
    newest = _newest(shelf, name)
    return TagPage(
        state=one.state,
        owner=one.tag.owner,
        sensitivity=_class(shelf, name),
        users=shelf.users.get(name, ()),
        history=_history(shop, name),
        waiting=one.waiting,
        figures=shelf.told(name),
        asof=found.asof,
        newest_at=newest,
        age=None if newest is None else found.asof - newest,
        seconds=shelf.seconds.get(name),
        qualities=_qualities(shelf, name),
    )


def _newest_portrait(shop: Workspace) -> Portrait | None:
    try:
        return portrait_of(shop)
    except NotFound:
        return None


def _shelf(shop: Workspace, found: Portrait | None) -> _Shelf:
    definitions = woken(shop.definitions)
    voice, _ = voice_of(shop, definitions, found.version if found is not None else None)
    kept: dict[str, Any] = {}
    if found is not None:
        kept = found.version.figures() or figures_of(
            shop, shop.definitions, found.version, found.links, found.asof, None
        )
    return _Shelf(
        known=standings(shop.stores.ledger, written_definitions(shop.stores), shop.settings),
        users=users(Desk(definitions, voice.lexicon, voice.owners, shop.settings.zone), voice.on),
        voice=voice,
        bound=bindings(shop.settings, definitions, voice.on, voice.owners).tags,
        figures=kept.get("tags", {}),
        newest=kept.get("newest", {}),
        seconds={} if found is None else found.version.labels.get("seconds", {}),
        personal=frozenset(name for name, p in definitions.of(Property).items() if p.is_personal),
        express=frozenset(listed(shop.settings.privacy.consent)),
        least=shop.settings.privacy.least_group,
        trees=frozenset(name for name, header in found.version.headers.items() if header.is_sparse)
        if found
        else frozenset(),
    )


def _row(shelf: _Shelf, name: str, one: Standing) -> TagRow:
    kept = shelf.told(name)
    extent = kept.extent if kept is not None else None
    qualities = _qualities(shelf, name)

    def share(of: int | None) -> float | None:
        return None if kept is None or of is None or not kept.customers else of / kept.customers

    return TagRow(
        id=name,
        name=one.tag.name,
        kind=one.tag.kind,
        state=one.state,
        owner=one.tag.owner,
        path=one.tag.path,
        sensitivity=_class(shelf, name),
        coverage=share(kept.known) if kept else None,
        holding=share(kept.held) if kept else None,
        drift=kept.drift if kept else None,
        users=len(shelf.users.get(name, ())),
        **{word: quality.value for word, quality in qualities.items()},
        columns=extent.columns if extent else 1,
        least_covered=share(extent.least) if extent else None,
        most_covered=share(extent.most) if extent else None,
        too_few=tuple(TOO_FEW[one] for one in kept.too_few if one in TOO_FEW) if kept else (),
    )


# ------------------------------------------------------------------------------------------------ what it reads


def _closure(shelf: _Shelf, name: str) -> list[str]:
    """A tag and all it stands on."""
    found = [name]
    for one in found:
        found += [
            other
            for column in shelf.voice.on.get(one, ())
            if (other := shelf.voice.owners.get(column, column)) not in found
        ]
    return found


def _class(shelf: _Shelf, name: str) -> str:
    """How a tag must be guarded: what it says of itself, and no less than what it reads asks for.

    Sensitive: a consent it needs must be express, or it reads a place. Personal: a property or trait declared
    personal. Else internal, unless it says otherwise.
    """
    own = shelf.known[name].tag.sensitivity
    least = "public" if own == "public" else "internal"
    for one in _closure(shelf, name):
        tag = shelf.known[one].tag if one in shelf.known else Tag(one)
        properties = {
            found.removeprefix("p_") for found in _PROPERTY.findall(f"{tag.sql} {tag.matching} {tag.options}")
        }
        if one.endswith((".lon", ".lat")) or shelf.bound.get(one, UNBOUND).needs & shelf.express:
            least = "sensitive"
        elif least != "sensitive" and (one in shelf.personal or properties & shelf.personal):
            least = "personal"
    return max(least, own or least, key=CLASSES.index)


def _events(tag: Tag) -> frozenset[str] | None:
    """The events a tag reads itself; None: all of them."""
    if tag.kind in ("interest", "interest_tree"):
        points = tag.options.get("points", POINTS)
        return frozenset(map(str, points)) if isinstance(points, Mapping) else None
    if tag.kind == "rule":
        found = set()
        for leaf in leaves(parse(tag.rule)):
            if isinstance(leaf, Did | Aggregate):
                found.add(leaf.event)
            elif isinstance(leaf, Sequence):
                found |= {step.event for step in leaf.steps}
        return frozenset(found)
    if tag.kind in ("statistic", "first_last", "favourite"):
        return _events_of_sql(tag)
    return None if tag.kind == "decision_stage" else frozenset()


def _events_of_sql(tag: Tag) -> frozenset[str] | None:
    import sqlglot

    trees = [sqlglot.parse_one(text, read="duckdb") for text in (tag.sql, tag.matching) if text.strip()]
    named = frozenset(event for tree in trees for event in values_of(tree, "name"))
    if named:
        return named
    return frozenset({"Order Completed", "Order Refunded"}) if tag.over in ("orders", "lines") else None


def _newest(shelf: _Shelf, name: str) -> datetime | None:
    """When what a tag reads, itself or through others, last happened."""
    read: set[str] = set()
    for one in _closure(shelf, name):
        events = _events(shelf.known[one].tag) if one in shelf.known else frozenset()
        read |= set(shelf.newest) if events is None else events
    found = [datetime.fromisoformat(shelf.newest[event]) for event in read if event in shelf.newest]
    return max(found, default=None)


def _history(shop: Workspace, name: str) -> tuple[Change, ...]:
    """Every version of the definition, and every act that stands, oldest first."""
    row = versions.c
    question = select(row.created_at, row.version, row.actor).where(row.folder == "tags", row.id == name)
    with shop.stores.ledger.read() as connection:
        found = [Change(r.created_at, "defined", r.version, r.actor) for r in connection.execute(question)]
    acts = acts_of(shop.stores.ledger, name).get(name, ())
    found += [Change(act.happened_at, act.state, act.version, act.actor, act.why) for act in acts]
    return tuple(sorted(found, key=lambda change: change.happened_at))


# ------------------------------------------------------------------------------------------------ the four qualities


def _qualities(shelf: _Shelf, name: str) -> dict[str, Quality]:
    found, one = shelf.told(name), shelf.known[name]
    return {
        "attention": attention(shelf.users.get(name, ())),
        "stability": stability(found),
        "safety": safety(_class(shelf, name), one, shelf.bound.get(name, UNBOUND)),
        "optimisation": optimisation(one.tag, found),
    }


def attention(used: tuple[str, ...]) -> Quality:
    """How much a tag is used: 100 × (1 − 2^(−users / 2)).

    >>> attention(("audiences/a", "campaigns/b")).value, attention(()).value
    (50, 0)
    """
    parts: dict[str, float | str] = {}
    for user in used:
        folder = user.partition("/")[0]
        parts[folder] = int(parts.get(folder, 0)) + 1
    return Quality(round(100 * (1 - 2 ** (-len(used) / 2))), parts)


def stability(found: Figures | None) -> Quality:
    """How little the answers move: 100 × (1 − mean drift of the last 7 versions / 0.25), not below 0.

    >>> stability(None).value
    """
    if found is None or not found.drifts:
        return Quality(None)
    mean = sum(found.drifts) / len(found.drifts)
    return Quality(round(100 * (1 - min(1.0, mean / LARGE))), {"drift": round(mean, 4), "versions": len(found.drifts)})


def safety(level: str, one: Standing, bound: Binding) -> Quality:
    """How well a tag is guarded for its class: 100 − risk × (1 − guards).

    Risk: public 0, internal 40, personal 70, sensitive 100. Guards: 0.4 purposes are named, 0.2 a consent is asked for,
    0.2 somebody owns it, 0.2 somebody published it by name.
    """
    guards = {
        "purposes": 0.4 if bound.purposes is not None else 0.0,
        "consents": 0.2 if bound.needs else 0.0,
        "owner": 0.2 if one.tag.owner else 0.0,
        "published": 0.2 if one.published_at is not None else 0.0,
    }
    value = 100 - _RISK[level] * (1 - math.fsum(guards.values()))
    return Quality(round(value), {"risk": _RISK[level], **guards})


def optimisation(tag: Tag, found: Figures | None) -> Quality:
    """How much of its use a tag gives already: 100 × the mean of coverage, evenness of the answers, how complete its
    entry is (owner, description, purposes, path), and how often it is right where customers say it themselves."""
    entry = sum(map(bool, (tag.owner, tag.description, tag.purposes, tag.path))) / 4
    parts: dict[str, float | str] = {"entry": entry}
    if found is None:
        return Quality(None, parts)
    if found.customers and found.known is not None:
        parts["coverage"] = round(found.known / found.customers, 4)
    if found.evenness is not None:
        parts["evenness"] = round(found.evenness, 4)
    if found.accuracy is not None and found.accuracy.can_say:
        parts["accuracy"] = round(found.accuracy.right / found.accuracy.base, 4)
    numbers = [float(value) for value in parts.values()]
    return Quality(round(100 * math.fsum(numbers) / len(numbers)), parts)
