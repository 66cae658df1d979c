"""May this be used for that: audiences and campaigns against the purposes of what they use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from limner.app.privacy.purposes import Bindings, bindings, bindings_in, is_bound
from limner.app.uses import Desk, in_audience, in_campaign, in_rule
from limner.core.errors import BadDefinition, LimnerError, near, words
from limner.core.ours import Audience, Campaign
from limner.core.purposes import UNBOUND, Binding, only, said

if TYPE_CHECKING:
    from limner.app.grounds import Portrait
    from limner.app.voiced import Voice
    from limner.app.workspace import Workspace
    from limner.core.rule import Rule
    from limner.store.definitions import Definitions

PURPOSE_REFUSED = words(
    "purpose_refused",
    "{place}: this is for the purpose {purpose!r}, and {used} is for {purposes} only. Write {purpose} among the "
    "purposes of {used} if the law and the customers allow it, or do without it.",
)


def purpose_problems(shop: Workspace, definitions: Definitions, voice: Voice) -> Iterator[LimnerError]:
    """What is wrong with the purposes of definitions: tags wider than what they stand on, and uses nobody allowed."""
    named = any(audience.purposes for audience in definitions.of(Audience).values())
    if not (named or is_bound(shop.settings, definitions)):
        return
    bound = bindings(shop.settings, definitions, voice.on, voice.owners)
    desk = Desk(definitions, voice.lexicon, voice.owners, shop.settings.zone)
    yield from bound.wrong
    for key, audience in definitions.of(Audience).items():
        for purpose in sorted(only(audience.purposes) or ()):
            yield from _refused(purpose, f"audiences/{key}", bound, desk, in_audience(desk, audience, set()))
    for key, campaign in definitions.of(Campaign).items():
        yield from _refused(campaign.purpose, f"campaigns/{key}", bound, desk, in_campaign(desk, campaign))


def need_purpose(shop: Workspace, campaign: Campaign, portrait: Portrait) -> None:
    """Refuse a campaign what was allowed when it was applied and is not any more: settings change without an apply."""
    from limner.app.asking import ground_at

    definitions = shop.definitions
    named = any(audience.purposes for audience in definitions.of(Audience).values())
    if not (named or is_bound(shop.settings, definitions)):
        return
    bound = bindings_in(shop, portrait.version.headers, portrait.links, portrait.asof)
    lexicon = ground_at(shop, portrait.version, portrait.links, portrait.asof).lexicon
    desk = Desk(definitions, lexicon, bound.owners, shop.settings.zone)
    for error in _refused(campaign.purpose, f"campaigns/{campaign.id}", bound, desk, in_campaign(desk, campaign)):
        raise error


def need_purpose_of(shop: Workspace, rule: Rule, purpose: str, portrait: Portrait) -> None:
    """Refuse a rule a purpose that what it reads may not be used for."""
    from limner.app.asking import ground_at

    definitions = shop.definitions
    named = any(audience.purposes for audience in definitions.of(Audience).values())
    if not (named or is_bound(shop.settings, definitions)):
        return
    bound = bindings_in(shop, portrait.version.headers, portrait.links, portrait.asof)
    lexicon = ground_at(shop, portrait.version, portrait.links, portrait.asof).lexicon
    desk = Desk(definitions, lexicon, bound.owners, shop.settings.zone)
    for error in _refused(purpose, "audience export", bound, desk, in_rule(desk, rule, set())):
        raise error


def _refused(purpose: str, place: str, bound: Bindings, desk: Desk, used: Iterator[str]) -> Iterator[LimnerError]:
    for name in used:
        binding = _binding(name, bound, desk)
        if not binding.allows(purpose):
            yield BadDefinition(
                PURPOSE_REFUSED, near=near(purpose, binding.purposes or ()), place=place, purpose=purpose, used=name,
                purposes=said(binding.purposes),
            )  # fmt: skip


def _binding(name: str, bound: Bindings, desk: Desk) -> Binding:
    """What a tag, model or audience is bound to, by folder/id."""
    folder, _, key = name.partition("/")
    if folder == "audiences":
        return Binding(only(desk.definitions.of(Audience)[key].purposes))
    return bound.models.get(key, UNBOUND) if folder == "models" else bound.tags.get(key, UNBOUND)
