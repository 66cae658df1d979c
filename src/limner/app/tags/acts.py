"""`tag publish`, `tag retire`, `tag undo`: the acts by which a tag comes into use and leaves it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from limner.app.auditing import note
from limner.app.known import written_definitions
from limner.app.tags.states import (
    Standing,
    content_version,
    named_tag,
    not_for_use,
    standing,
    standings,
    unpublished,
    with_tag,
    woken,
)
from limner.app.uses import Desk, in_campaign, in_rule, users
from limner.app.voiced import voice_of
from limner.core.definition import as_mapping
from limner.core.errors import Clash, NotFound, Refused, words
from limner.core.normal import without_addresses
from limner.core.ours import Campaign, Tag
from limner.flow.tags.catalog import built_in
from limner.store.ledger import tag_acts
from limner.store.ledger.tag_acts import Act, acts_of

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.core.rule import Rule

NOT_APPROVER = words(
    "tag_not_approver",
    "Operator {actor!r} may not {verb} tags here: [tags] approval is required. Ask an operator with the role {role}.",
)
IN_USE = words(
    "tag_in_use",
    "The tag {tag!r} is used by {users}, so it stays. Take it out of them first, then run `limner tag {verb} {tag}`.",
)
ALREADY = words("tag_state_already", "The tag {tag!r} is {state} already. Nothing was changed.")
NO_ACT = words("tag_no_act", "Nothing was published or retired of the tag {tag!r}: there is nothing to take back.")
BY_FILE = words(
    "tag_retired_by_file",
    "The definition of the tag {tag!r} says state: retired. Take the line out of {place} and run `limner apply`.",
)
APPROVER: Final = "approver"


@dataclass(frozen=True, slots=True)
class TagAct:
    """What was done to a tag: its state before and now, the version it speaks of, and when the next run shows it."""

    tag: str
    name: str
    before: str
    state: str
    version: str
    happened_at: datetime
    actor: str
    why: str = ""


def tag_publish(shop: Workspace, name: str, *, why: str = "") -> TagAct:
    """Publish a tag as it is defined now, or approve what has changed of it; brings a retired one back."""
    _allowed(shop, "publish")
    key, one, defined = _found(shop, name)
    if defined.state == "retired":
        raise Clash(BY_FILE, tag=key, place=f"tags/{key}")
    if one.state == "published" and not one.waiting and (one.act is not None or shop.settings.tags.approval == "none"):
        raise Clash(ALREADY, tag=key, state=one.state)
    drafts = unpublished(shop.definitions)
    for other in _on(shop, defined):
        if other in drafts and other != key:
            raise not_for_use(f"tags/{key}", other, drafts[other], shop.settings)
    return _done(shop, one, defined, "published", why)


def tag_retire(shop: Workspace, name: str, *, why: str = "") -> TagAct:
    """Take a tag out of use: it is not computed any more. Refused while something uses it."""
    _allowed(shop, "retire")
    key, one, defined = _found(shop, name)
    if one.state == "retired":
        raise Clash(ALREADY, tag=key, state="retired")
    _need_unused(shop, key, "retire")
    return _done(shop, one, defined, "retired", why)


def tag_undo(shop: Workspace, name: str) -> TagAct:
    """Take back what was last published or retired of a tag; refused while something uses what would be a draft."""
    _allowed(shop, "undo")
    key, one, defined = _found(shop, name)
    acts = acts_of(shop.stores.ledger, key).get(key, ())
    if not acts:
        raise NotFound(NO_ACT, tag=key)
    now, last = shop.clock(), acts[-1]
    left = standing(defined, acts[:-1], is_required=_is_required(shop, key))
    if left.state != "published":
        _need_unused(shop, key, "undo")
    with shop.stores.ledger.write() as connection:
        tag_acts.undo(connection, last.seq, now=now, actor=shop.who.id)
    note(shop, "tag undo", {"tag": key, "act": last.seq, "state": left.state})
    return TagAct(key, defined.name, one.state, left.state, left.version, now, shop.who.id)


def need_published_of(shop: Workspace, campaign: Campaign) -> None:
    """Refuse a campaign the drafts it uses: states, and whether approval is required, change without an apply."""
    if unpublished(shop.definitions):
        _refuse(shop, f"campaigns/{campaign.id}", in_campaign(_desk(shop), campaign))


def need_published(shop: Workspace, place: str, rule: Rule) -> None:
    """Refuse a rule the drafts it reads."""
    if unpublished(shop.definitions):
        _refuse(shop, place, in_rule(_desk(shop), rule, set()))


def _refuse(shop: Workspace, place: str, used: Iterable[str]) -> None:
    named = frozenset(used)
    for name, state in unpublished(shop.definitions).items():
        if f"tags/{name}" in named:
            raise not_for_use(place, name, state, shop.settings)


def _allowed(shop: Workspace, verb: str) -> None:
    if shop.settings.tags.approval == "required" and not shop.who.may(APPROVER):
        raise Refused(NOT_APPROVER, actor=shop.who.id, verb=verb, role=APPROVER)


def _found(shop: Workspace, name: str) -> tuple[str, Standing, Tag]:
    """The id of a tag, how it stands, and its definition as it is written."""
    defined = written_definitions(shop.stores)
    known = standings(shop.stores.ledger, defined, shop.settings)
    key = named_tag(known, name)
    own = defined.of(Tag)
    return key, known[key], own[key] if key in own else built_in()[key].tag


def _is_required(shop: Workspace, key: str) -> bool:
    return shop.settings.tags.approval == "required" and key in written_definitions(shop.stores).of(Tag)


def _on(shop: Workspace, tag: Tag) -> tuple[str, ...]:
    """The tags a tag stands on, as it is written now."""
    definitions = with_tag(shop.definitions, tag)
    voice, wrong = voice_of(shop, woken(definitions))
    for error in wrong:
        raise error
    return tuple(voice.owners.get(name, name) for name in voice.on.get(tag.id, ()))


def _need_unused(shop: Workspace, key: str, verb: str) -> None:
    """Refuse when something uses a tag."""
    found = used_by(shop).get(key, ())
    if found:
        raise Refused(IN_USE, tag=key, users=", ".join(found), verb=verb)


def used_by(shop: Workspace) -> dict[str, tuple[str, ...]]:
    """Who uses each tag, by the definitions in force."""
    definitions = woken(shop.definitions)
    voice, _ = voice_of(shop, definitions)
    return users(Desk(definitions, voice.lexicon, voice.owners, shop.settings.zone), voice.on)


def _desk(shop: Workspace) -> Desk:
    definitions = woken(shop.definitions)
    voice, _ = voice_of(shop, definitions)
    return Desk(definitions, voice.lexicon, voice.owners, shop.settings.zone)


def _done(shop: Workspace, one: Standing, defined: Tag, state: str, why: str) -> TagAct:
    now, said = shop.clock(), without_addresses(why)
    act = Act(0, defined.id, state, content_version(defined), as_mapping(defined), now, shop.who.id, said)
    with shop.stores.ledger.write() as connection:
        tag_acts.write(connection, shop.stores.ledger, act)
    note(shop, f"tag {'publish' if state == 'published' else 'retire'}", {"tag": defined.id, "version": act.version})
    return TagAct(defined.id, defined.name, one.state, state, act.version, now, shop.who.id, said)
