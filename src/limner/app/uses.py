"""What definitions use: the tags, models and audiences that audiences, campaigns, models and journeys stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from limner.core.errors import LimnerError
from limner.core.ours import Audience, Campaign, Channel, Journey, Model, Offer
from limner.core.rule import In, Lexicon, Rule, leaves, parse, resolve
from limner.flow.audiences.base import Reads, columns_of, reads_of
from limner.flow.channels.content import wording

if TYPE_CHECKING:
    from limner.store.definitions import Definitions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """What is looked through: the definitions, the words of their rules, and the tag each column belongs to."""

    definitions: Definitions
    lexicon: Lexicon
    owners: Mapping[str, str]
    zone: tzinfo

    def of(self, columns: frozenset[str] | set[str]) -> Iterator[str]:
        """The tags and models columns belong to, as folder/id; a trait is said like a tag."""
        models = self.definitions.of(Model)
        for column in sorted(columns):
            model = next((name for name in (column, column.partition(".")[0]) if name in models), "")
            yield f"models/{model}" if model else f"tags/{self.owners.get(column, column)}"


def users(desk: Desk, on: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Who uses each tag, as folder/id, in order: tags that stand on it (`on`), audiences, models, campaigns, journeys.

    Models that name no features use none by name. What is wrong with a definition its own check says.
    """
    found: dict[str, dict[str, None]] = {}

    def note(user: str, used: Iterator[str]) -> None:
        for name in used:
            folder, _, key = name.partition("/")
            if folder == "tags":
                found.setdefault(key, {})[user] = None

    definitions = desk.definitions
    for name, others in on.items():
        note(f"tags/{name}", desk.of(set(others)))
    for key, audience in definitions.of(Audience).items():
        note(f"audiences/{key}", in_audience(desk, audience, set()))
    for key, model in definitions.of(Model).items():
        note(f"models/{key}", desk.of(set(model.features)))
    for key, campaign in definitions.of(Campaign).items():
        note(f"campaigns/{key}", in_campaign(desk, campaign))
    for key, journey in definitions.of(Journey).items():
        walked = tried(partial(definitions.find, Campaign, journey.campaign))
        if walked is not None:
            note(f"journeys/{key}", in_campaign(desk, walked))
    return {name: tuple(told) for name, told in found.items()}


def in_campaign(desk: Desk, campaign: Campaign) -> Iterator[str]:
    """Everything a campaign uses: its audience, and its offers' conditions, value and words."""
    definitions = desk.definitions
    audience = tried(partial(definitions.find, Audience, campaign.audience))
    if audience is not None:
        yield from in_audience(desk, audience, set(), is_used=True)
    channels = definitions.of(Channel)
    for name in campaign.offers:
        offer = definitions.of(Offer).get(name)
        if offer is None:
            continue
        for text in (offer.eligibility, offer.applicability, offer.suitability):
            rule = tried(partial(_read, text, desk.lexicon)) if text else None
            if rule is not None:
                yield from in_rule(desk, rule, set())
        yield from desk.of({offer.value} if offer.value else set())
        for channel in (channels[key] for key in campaign.channels if key in channels):
            wanted = tried(partial(wording, offer, channel, zone=desk.zone, place=f"offers/{name}"))
            yield from desk.of(wanted.needs if wanted else frozenset())


def in_audience(desk: Desk, audience: Audience, seen: set[str], *, is_used: bool = False) -> Iterator[str]:
    """What an audience uses, and itself when another uses it."""
    if audience.id in seen:
        return
    seen.add(audience.id)
    if is_used:
        yield f"audiences/{audience.id}"
    reads = tried(partial(reads_of, audience, desk.definitions, desk.lexicon)) or Reads()
    yield from desk.of(reads.columns - set().union(*map(columns_of, reads.rules)))
    for rule in reads.rules:
        yield from in_rule(desk, rule, seen)


def in_rule(desk: Desk, rule: Rule, seen: set[str]) -> Iterator[str]:
    """What the columns of a rule belong to, and the audiences it names with what they use."""
    yield from desk.of(columns_of(rule))
    for leaf in leaves(rule):
        if isinstance(leaf, In):
            inner = tried(partial(desk.definitions.find, Audience, leaf.audience))
            if inner is not None:
                yield from in_audience(desk, inner, seen, is_used=True)


def _read(text: str, lexicon: Lexicon) -> Rule:
    return resolve(parse(text), lexicon, text=text)


def tried(call: Callable[[], T]) -> T | None:
    """What a call gives; None when the definition is wrong, which its own check says."""
    try:
        return call()
    except LimnerError:
        return None
