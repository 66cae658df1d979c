"""Saved audiences: how they stand, who came and who left, and those that keep their members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from limner.app.auditing import note
from limner.app.grounds import Portrait, portrait_of
from limner.core.errors import BadInput, Lacking, LimnerError, NotFound, words
from limner.core.ids import customer_id
from limner.core.ours import Audience
from limner.core.spans import midnight, parse_instant
from limner.flow.audiences.base import seen_by
from limner.flow.audiences.saved import Moved, carried, moved, together
from limner.flow.audiences.small import moved_told, told
from limner.store.gallery.bits import from_bitmap, to_bitmap
from limner.store.ledger import saved_sets
from limner.store.ledger.saved_sets import FrozenSet, Refresh

if TYPE_CHECKING:
    from pyroaring import BitMap

    from limner.app.workspace import Workspace
    from limner.flow.audiences.base import Ground
    from limner.store.gallery import Version

NOT_FROZEN = words(
    "audience_not_frozen",
    "The audience {name!r} is not frozen: it is selected anew at every run. Write is_frozen: true in "
    "audiences/{name}.yaml, run `limner apply`, then freeze it.",
)
NEVER_SELECTED = words(
    "audience_never_selected", "The audience {name!r} has not been selected yet. Run `limner run` first."
)
ONCE_ONLY = words(
    "audience_refreshed_once",
    "The audience {name!r} has been selected once only, as of {asof}. The next `limner run` tells who came and left.",
)
TOO_LONG_AGO = words(
    "audience_changes_lost",
    "Who came into {name!r} and who left is known from {earliest} on, not from {since}. Ask from there on.",
)

Asof = str | datetime | None
STALE: Final = ("never", "refused", "definition", "facts", "old")
"""Why an audience is stale: never selected; the facts did not carry it; its definition, or one it stands on, changed;
facts or definitions of columns came in since; its asof is before the last midnight."""


@dataclass(frozen=True, slots=True)
class SavedAudience:
    """A saved audience: its members at the newest portrait (None: never selected), who came and went at its last
    refresh (None: nothing to compare with), why it is stale (empty: it is not), and why the run refused it. `too_few`
    names those of the three counts that are None because they would tell of too few."""

    id: str
    name: str
    selector: str
    is_frozen: bool
    members: int | None
    asof: datetime | None
    refreshed_at: datetime | None
    frozen_at: datetime | None
    came: int | None
    went: int | None
    stands_on: tuple[str, ...]
    stale: tuple[str, ...]
    refused: LimnerError | None = None
    too_few: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """Who came into an audience and who left it between two asofs. `gone` were members and are customers no more;
    the customers are the first `limit` of each. None: too few to tell, and none of them is listed."""

    audience: str
    since: datetime
    asof: datetime
    before: int | None
    size: int | None
    came: int | None
    went: int | None
    gone: int | None
    came_ids: Sequence[str]
    went_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Frozen:
    """An audience that keeps these members from now on (None: too few to tell)."""

    audience: str
    asof: datetime
    members: int | None


def frozen_of(shop: Workspace, version: Version) -> Mapping[str, BitMap]:
    """The members kept of frozen audiences, by their numbers in a version."""
    wanted = [name for name, one in shop.definitions.of(Audience).items() if one.is_frozen]
    kept = saved_sets.frozen(shop.stores.ledger, wanted)
    if not kept:
        return {}
    passed_on = saved_sets.passed_on(shop.stores.ledger)
    return {name: carried(one.members, version.living, passed_on) for name, one in kept.items()}


def frozen_mark(shop: Workspace) -> Mapping[str, str]:
    """What changes when an audience is frozen anew; empty when none is frozen."""
    wanted = [name for name, one in shop.definitions.of(Audience).items() if one.is_frozen]
    kept = saved_sets.frozen(shop.stores.ledger, wanted)
    return {name: one.frozen_at.isoformat() for name, one in sorted(kept.items())}


def keep_frozen(shop: Workspace, ground: Ground) -> None:
    """Keep the members of audiences that are to be frozen and are not yet, and forget those of audiences that are so
    no more."""
    wanted = {name for name, one in ground.definitions.of(Audience).items() if one.is_frozen}
    kept = set(saved_sets.all_frozen(shop.stores.ledger))
    fresh = [one for name in sorted(wanted - kept) if (one := _takeable(shop, ground, name)) is not None]
    if fresh or kept - wanted:
        with shop.stores.ledger.write() as connection:
            saved_sets.thaw(connection, kept - wanted)
            for one in fresh:
                saved_sets.freeze(connection, one)


def _takeable(shop: Workspace, ground: Ground, audience: str) -> FrozenSet | None:
    """What a frozen audience is to keep; None while the facts do not carry it."""
    try:
        return _taken(shop, ground, audience)
    except Lacking:
        return None


def _taken(shop: Workspace, ground: Ground, audience: str) -> FrozenSet:
    found = ground.members(audience)
    asof, now = ground.asof, shop.clock()
    return FrozenSet(audience, ground.mark(audience), asof, now, shop.who.id, len(found), found)


def audience_freeze(shop: Workspace, name: str) -> Frozen:
    """Give a frozen audience the members its rule has at the newest portrait; they stay until it is frozen anew."""
    from limner.app.asking import ground_at

    definition = shop.definitions.find(Audience, name)
    if not definition.is_frozen:
        raise BadInput(NOT_FROZEN, name=definition.id)
    found = portrait_of(shop)
    ground = ground_at(shop, found.version, found.links, found.asof)
    others = {other: kept for other, kept in ground.frozen.items() if other != definition.id}
    taken = _taken(shop, ground.with_frozen(others), definition.id)
    with shop.stores.ledger.write() as connection:
        saved_sets.freeze(connection, taken)
    note(shop, "audience freeze", {"audience": definition.id, "asof": found.asof, "members": taken.size})
    return Frozen(definition.id, found.asof, _told(shop, found, taken.size))


def note_refreshes(shop: Workspace, version: Version, asof: datetime) -> None:
    """Write who came into every audience of a published version and who left it; done again it writes nothing."""
    ledger, now = shop.stores.ledger, shop.clock()
    known = {name: saved_sets.last_refresh(ledger, name, asof) for name in version.audiences()}
    fresh = [name for name, last in known.items() if last is None or last.version != version.name]
    if not fresh:
        return
    passed_on = saved_sets.passed_on(ledger)
    rows = []
    for name in fresh:
        last, members = known[name], version.members(name)
        old = _members_then(shop, last)
        found = moved(old, members, version.living, passed_on) if old is not None else None
        rows.append(
            {
                "audience": name,
                "version": version.name,
                "asof": asof,
                "refreshed_at": now,
                "mark": version.marks[name],
                "size": len(members),
                "before": last.seq if last is not None else None,
                "came_size": len(found.came) if found else 0,
                "went_size": len(found.went) if found else 0,
                "gone_size": found.gone if found else 0,
                "came": found.came if found else None,
                "went": found.went if found else None,
            }
        )
    with ledger.write() as connection:
        for row in rows:
            saved_sets.put_refresh(ledger, connection, **row)


def _members_then(shop: Workspace, last: Refresh | None) -> BitMap | None:
    """The members at a refresh; None when its version is not kept any more."""
    if last is None or last.version not in shop.stores.gallery.versions():
        return None
    version = shop.stores.gallery.version(last.version)
    return version.members(last.audience) if version.has_members(last.audience) else None


def audience_changes(shop: Workspace, name: str, since: Asof = None, asof: Asof = None, *, limit: int = 20) -> Changed:
    """Who came into a saved audience and who left it since an asof (default: since the refresh before)."""
    audience, found = shop.definitions.find(Audience, name).id, portrait_of(shop, asof)
    ledger = shop.stores.ledger
    last = saved_sets.last_refresh(ledger, audience, found.asof)
    if last is None:
        raise NotFound(NEVER_SELECTED, name=audience)
    start = parse_instant(since, shop.settings.zone) if isinstance(since, str) else since
    moves: list[Moved] = []
    for one in saved_sets.back_from(ledger, last):
        if (start is not None and one.asof <= start) or (start is None and moves):
            break
        if one.came is None or one.went is None:
            if start is None:
                raise NotFound(ONCE_ONLY, name=audience, asof=one.asof.astimezone(shop.settings.zone).isoformat())
            known, asked = (moment.astimezone(shop.settings.zone).isoformat() for moment in (one.asof, start))
            raise NotFound(TOO_LONG_AGO, name=audience, earliest=known, since=asked)
        moves.append(Moved(one.came, one.went, one.gone_size))
    living = found.version.living
    net = together(reversed(moves), living, saved_sets.passed_on(ledger))
    came, went = (_seen(shop, found, part) for part in (net.came, net.went))
    gone = net.gone if shop.who.scope is None else 0
    size = len(_seen(shop, found, found.version.members(audience)))
    if _told(shop, found, size) is None:
        return Changed(audience, one.asof, last.asof, None, None, None, None, None, (), ())
    told_of = moved_told(len(came), len(went), gone, size, shop.settings.privacy.least_group)
    before, came_told, went_told, gone_told = told_of
    came_ids = _ids(shop, came, 0 if came_told is None else limit)
    went_ids = _ids(shop, went, 0 if went_told is None else limit)
    return Changed(audience, one.asof, last.asof, before, size, came_told, went_told, gone_told, came_ids, went_ids)


def _ids(shop: Workspace, members: BitMap, limit: int) -> list[str]:
    return [customer_id(shop.stores.hash_key, number) for number in list(members)[:limit]]


def _told(shop: Workspace, found: Portrait, size: int) -> int | None:
    """The size of an audience beside all the customers an actor may see; None: too few to tell."""
    return told(size, shop.settings.privacy.least_group, len(_seen(shop, found, found.version.living)))


def _seen(shop: Workspace, found: Portrait, members: BitMap) -> BitMap:
    size = found.version.size
    return to_bitmap(seen_by(shop.who, from_bitmap(members, size), size))


def audiences(shop: Workspace) -> tuple[SavedAudience, ...]:
    """Every saved audience, how many it has and how fresh it is."""
    from limner.app.asking import ground_at

    definitions = shop.definitions.of(Audience)
    if not definitions:
        return ()
    try:
        found = portrait_of(shop)
    except NotFound:
        return tuple(_unselected(one) for one in definitions.values())
    ground = ground_at(shop, found.version, found.links, found.asof)
    kept = saved_sets.frozen(shop.stores.ledger, [name for name, one in definitions.items() if one.is_frozen])
    behind = _behind(shop, found)
    ordered = (definitions[name] for name in sorted(definitions))
    return tuple(_standing(shop, found, ground, one, kept.get(one.id), behind) for one in ordered)


def _unselected(one: Audience) -> SavedAudience:
    return SavedAudience(
        one.id, one.name, one.selector, one.is_frozen, None, None, None, None, None, None, (), ("never",)
    )


def _behind(shop: Workspace, found: Portrait) -> tuple[str, ...]:
    """Why the whole portrait is stale."""
    from limner.app.running import is_current

    facts = () if is_current(shop, found.version, found.asof) else ("facts",)
    return (*facts, *(("old",) if found.asof < midnight(shop.clock(), shop.settings.zone) else ()))


def _standing(
    shop: Workspace, found: Portrait, ground: Ground, one: Audience, kept: FrozenSet | None, behind: tuple[str, ...]
) -> SavedAudience:
    version = found.version
    last = saved_sets.last_refresh(shop.stores.ledger, one.id, found.asof)
    refused = found.refused.get(one.id)
    if not version.has_members(one.id):
        stale: tuple[str, ...] = ("refused" if refused else "never",)
    elif not version.has_members(one.id, ground.mark(one.id)):
        stale = ("definition", *behind)
    else:
        stale = behind
    counts, too_few = _counts(shop, found, one.id, last)
    return SavedAudience(
        one.id,
        one.name,
        one.selector,
        one.is_frozen,
        counts["members"],
        found.asof if version.has_members(one.id) else None,
        last.refreshed_at if last else None,
        kept.frozen_at if kept else None,
        counts["came"],
        counts["went"],
        ground.named_by(one.id),
        stale,
        refused,
        too_few,
    )


def _counts(
    shop: Workspace, found: Portrait, audience: str, last: Refresh | None
) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """The members of an audience, who came and who went, as far as they may be told; and those that may not."""
    sets: dict[str, BitMap | None] = {"members": None, "came": None, "went": None}
    if found.version.has_members(audience):
        sets["members"] = found.version.members(audience)
    if last is not None:
        sets |= {"came": last.came, "went": last.went}
    exact = {name: len(_seen(shop, found, members)) for name, members in sets.items() if members is not None}
    least, size = shop.settings.privacy.least_group, exact.get("members", 0)
    if "members" in exact and _told(shop, found, size) is None:
        return dict.fromkeys(sets), tuple(exact)
    counts: dict[str, int | None] = {**dict.fromkeys(sets), **exact}
    if "came" in exact and "went" in exact:
        _, counts["came"], counts["went"], _ = moved_told(exact["came"], exact["went"], 0, size, least)
    return counts, tuple(name for name in exact if counts[name] is None)
