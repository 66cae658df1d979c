"""What `apply` and `check` hold definitions to before anything is written: names known, rules and SQL readable.

Nothing is raised on the way: all problems are gathered, each an error that names its place, the value and near names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from limner.app.known import with_default_policy
from limner.app.privacy.purpose_checks import purpose_problems
from limner.app.privacy.retaining import NARROWED_BY, known_sources
from limner.app.tags.states import in_force, state_problems, unpublished, woken
from limner.app.uses import Desk, users
from limner.app.voiced import Voice, voice_of
from limner.core.errors import BadDefinition, LimnerError, near, words
from limner.core.kinds import IdentifierRule, kinds_of
from limner.core.limits import minutes
from limner.core.ours import Audience, Campaign, Cap, Channel, Journey, Model, Offer, Policy, Retention, Tag
from limner.core.rule import Did, parse, resolve
from limner.flow.audiences.base import reads_of
from limner.flow.audiences.layers import layer_problems
from limner.flow.audiences.ready import ready_problems
from limner.flow.channels import content
from limner.flow.channels.base import options_of
from limner.flow.decisions.moments import parse_hours
from limner.flow.identity.definition import Matching
from limner.flow.identity.matching.base import TRAIT_MATCHERS
from limner.flow.journeys.advance import window_of
from limner.flow.journeys.base import NODES
from limner.flow.models import kind_named
from limner.flow.sources.base import readers
from limner.flow.sources.beginnings import against_files
from limner.flow.sources.definition import Source
from limner.flow.sources.live.source import check_live
from limner.flow.sources.mapping import every_column, mapped
from limner.flow.sources.quality import declared
from limner.flow.sources.quality.judging import compiled
from limner.flow.sources.sql_place import check_sql
from limner.store.lake.tables import TABLES

if TYPE_CHECKING:
    from limner.app.workspace import Workspace
    from limner.store.definitions import Definitions

SEVERAL = words("definitions_wrong", "{count} mistakes in the definitions, nothing was applied:\n{mistakes}")
OUT_OF_BOUND = words("definition_bound", "{place}: {field} is {value}, it must be {bound}.")
NAMED_ALIKE = words("definition_named_alike", "{place}: {other} bears the name {name!r} too. Rename one.")
NAMES_NOTHING = words("definition_names_nothing", "{place}: {field} is empty. Name at least one.")
NO_SCORE = words("offer_value_unknown", "{place}: value: there is no tag, trait or score {name!r}.")
NO_CHANNEL = words("cap_channel_unknown", "{place}: a cap names the channel {name!r}, which does not exist.")
NO_ADDRESS = words(
    "channel_address_not_kept",
    "{place}: the channel {channel!r} writes to {kind!r}, and the raw form of it is not kept, so nothing could be "
    "handed over. Let the channel write to another identifier, or say `is_address: true` in identifiers/{kind}.yaml "
    "before the first collect.",
)
NO_TRAIT = words("retention_trait_unknown", "{place}: there is no trait {name!r}.")
NO_DECLARED = words("tag_declared_unknown", "{place}: declared: there is no trait {name!r}.")
METRICS: Final = ("conversion", "revenue", "margin", "money")
GUARDRAILS: Final = ("opt_out", "complaint", "return")
_LAKE: Final = {name: table.columns for name, table in TABLES.items()}
CLASSES: Final = ("marketing", "service", "transactional")


def check_definitions(shop: Workspace, definitions: Definitions) -> None:
    """Raise what is wrong with definitions: the one error, or one that lists them all."""
    found = problems(shop, definitions)
    if len(found) == 1:
        raise found[0]
    if found:
        raise BadDefinition(SEVERAL, count=len(found), mistakes=Mistakes(found))


class Mistakes(tuple[LimnerError, ...]):
    """Errors listed in the message of another."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(f"- {error}" for error in self)


def problems(shop: Workspace, definitions: Definitions) -> tuple[LimnerError, ...]:
    """Everything that is wrong with definitions, in the order of the circle; nothing when all is well."""
    whole = in_force(shop.stores.ledger, with_default_policy(definitions), shop.settings)
    states, whole = unpublished(whole), woken(whole)
    voice, wrong_tags = voice_of(shop, whole)
    if whole.of(Tag) != definitions.of(Tag):  # what waits to be approved is checked before anybody approves it
        wrong_tags += voice_of(shop, woken(with_default_policy(definitions)))[1]
    contact = (_policies, _channels, _offers, _campaigns, _journeys)
    checks = (_names, _sources, _models, _audiences, *contact, _matching, _retention, _purposes, _declared, _states)
    later = (error for check in checks for error in check(_Bench(shop, whole, voice, states)))
    return tuple(_once([*wrong_tags, *later]))


def _once(found: Iterable[LimnerError]) -> Iterator[LimnerError]:
    """Each message once: what stands on a wrong definition repeats its error."""
    seen: set[str] = set()
    for error in found:
        if str(error) not in seen:
            seen.add(str(error))
            yield error


@dataclass(frozen=True, slots=True)
class _Bench:
    """What the checks read: the workspace, the definitions as they will be, the words rules may use, and the tags that
    may not be used with their state."""

    shop: Workspace
    definitions: Definitions
    voice: Voice
    states: Mapping[str, str]

    def find(self, cls: type[Any], name: str) -> object:
        """A definition by id or name."""
        return self.definitions.find(cls, name)

    def event(self, name: str) -> object:
        """An event name that is known, by what it is called here."""
        return resolve(Did(name), self.voice.lexicon)


def tried(place: str, *calls: Callable[[], object]) -> Iterator[LimnerError]:
    """The errors of some calls, with their place."""
    for call in calls:
        try:
            call()
        except LimnerError as error:
            yield error.at(place)


def _bound(place: str, field: str, value: object, is_right: bool, bound: str) -> Iterator[LimnerError]:  # noqa: FBT001
    if not is_right:
        yield BadDefinition(OUT_OF_BOUND, place=place, field=field, value=value, bound=bound)


def _one_of(place: str, field: str, value: str, known: Collection[str]) -> Iterator[LimnerError]:
    if value not in known:
        bound = "one of " + ", ".join(sorted(known))
        yield BadDefinition(
            OUT_OF_BOUND, near=near(value, known), place=place, field=field, value=repr(value), bound=bound
        )


def _names(bench: _Bench) -> Iterator[LimnerError]:
    for folder, found in bench.definitions.by_folder.items():
        named: dict[str, str] = {}
        for key, value in found.items():
            name = getattr(value, "name", "")
            if name and named.setdefault(name, key) != key:
                yield BadDefinition(NAMED_ALIKE, place=f"{folder}/{key}", other=f"{folder}/{named[name]}", name=name)


# ------------------------------------------------------------------------------------------------ facts and words


def _sources(bench: _Bench) -> Iterator[LimnerError]:
    events = bench.voice.events.columns
    properties = {name.removeprefix("p_"): kind for name, kind in events.items() if name.startswith("p_")}
    for key, source in bench.definitions.of(Source).items():
        yield from tried(f"sources/{key}", partial(_source, bench, source, properties))
        wrong = list(declared.problems(source))
        yield from wrong
        if not wrong:
            yield from tried(f"sources/{key}", partial(compiled, source, {**_LAKE, "events": events}))


def _source(bench: _Bench, source: Source, properties: Mapping[str, str]) -> None:
    check_sql(source)
    if source.live is not None:
        check_live(source)
        return
    if source.kind:
        readers.find(source.kind)
    settings = bench.shop.settings.workspace
    hold = partial(mapped, source, zone=settings.zone, currency=settings.currency, properties=properties)
    hold(dict.fromkeys(every_column(source), "text"), source.id)
    against_files(source, bench.shop.folder, hold)


def _matching(bench: _Bench) -> Iterator[LimnerError]:
    for key, matching in bench.definitions.of(Matching).items():
        yield from tried(f"matching/{key}", partial(TRAIT_MATCHERS.find, matching.matcher))


def _models(bench: _Bench) -> Iterator[LimnerError]:
    for key, model in bench.definitions.of(Model).items():
        place = f"models/{key}"
        yield from _bound(place, "horizon", model.horizon, model.horizon >= timedelta(days=1), "one day or more")
        yield from _bound(place, "snapshots", model.snapshots, model.snapshots >= 1, "1 or more")
        yield from tried(place, partial(kind_named, model.kind))
        yield from tried(f"{place}: event", partial(bench.event, model.event))
        for name in model.features:
            yield from tried(place, partial(bench.voice.column, name))


def _audiences(bench: _Bench) -> Iterator[LimnerError]:
    for key, audience in bench.definitions.of(Audience).items():
        yield from tried(f"audiences/{key}", partial(_audience, bench, audience))
    yield from layer_problems(bench.definitions.of(Audience))


def _audience(bench: _Bench, audience: Audience) -> None:
    reads_of(audience, bench.definitions, bench.voice.lexicon)
    if audience.selector == "rule":
        ready_problems(audience, bench.voice.lexicon)


# ------------------------------------------------------------------------------------------------ contact


def _policies(bench: _Bench) -> Iterator[LimnerError]:
    for key, policy in bench.definitions.of(Policy).items():
        place = f"policies/{key}"
        for field in ("quiet_start", "quiet_end"):
            yield from _clock(place, field, getattr(policy, field))
        share = policy.universal_holdout
        yield from _bound(place, "universal_holdout", share, 0 <= share < 1, "a share from 0 to below 1")
        yield from _bound(place, "gap", policy.gap, policy.gap >= timedelta(), "0 or longer")
        yield from _caps(bench, place, policy.caps)


def _clock(place: str, field: str, value: str) -> Iterator[LimnerError]:
    try:
        minutes(value)
    except ValueError:
        yield BadDefinition(
            OUT_OF_BOUND, place=place, field=field, value=repr(value), bound="a clock time such as 21:00"
        )


def _caps(bench: _Bench, place: str, caps: Iterable[Cap]) -> Iterator[LimnerError]:
    channels = bench.definitions.of(Channel)
    for cap in caps:
        yield from _bound(place, "most", cap.most, cap.most >= 0, "0 or more")
        yield from _bound(place, "within", cap.within, cap.within > timedelta(), "longer than 0")
        for name in cap.channels:
            if name not in channels:
                yield BadDefinition(NO_CHANNEL, near=near(name, channels), place=place, name=name)
        for name in cap.classes:
            yield from _one_of(place, "classes", name, CLASSES)


def _channels(bench: _Bench) -> Iterator[LimnerError]:
    zone, names = bench.shop.settings.zone, bench.voice.columns
    for key, channel in bench.definitions.of(Channel).items():
        place = f"channels/{key}"
        yield from tried(place, partial(content.check, {key: channel}, {}, (), zone=zone, among=names))
        yield from _bound(place, "price", channel.price, channel.price >= 0, "0 or more")
        yield from _bound(place, "capacity", channel.capacity, (channel.capacity or 0) >= 0, "0 or more")
        yield from _bound(place, "tries", channel.tries, channel.tries >= 1, "1 or more")
        yield from _bound(place, "backoff", channel.backoff, channel.backoff > timedelta(), "longer than 0")
        yield from _caps(bench, place, channel.limits)


def _offers(bench: _Bench) -> Iterator[LimnerError]:
    zone, names = bench.shop.settings.zone, bench.voice.columns
    channels = _sound_channels(bench)
    unsound = bench.definitions.of(Channel).keys() - channels.keys()
    for key, offer in bench.definitions.of(Offer).items():
        place = f"offers/{key}"
        sound = {name: said for name, said in offer.content.items() if name in channels or name not in unsound}
        readable = replace(offer, content=sound)
        yield from tried(place, partial(content.check, channels, {key: readable}, (), zone=zone, among=names))
        yield from _bound(place, "benefit", offer.benefit, offer.benefit >= 0, "0 or more")
        for field in ("eligibility", "applicability", "suitability"):
            text = getattr(offer, field)
            if text:
                yield from tried(f"{place}: {field}", partial(_rule, bench, text))
        if offer.value and offer.value not in names:
            yield BadDefinition(NO_SCORE, near=near(offer.value, names), place=place, name=offer.value)


def _sound_channels(bench: _Bench) -> Mapping[str, Channel]:
    """The channels that can be read: the others have said what is wrong with them."""
    return {
        key: channel
        for key, channel in bench.definitions.of(Channel).items()
        if not list(tried(key, partial(options_of, channel, f"channels/{key}")))
    }


def _rule(bench: _Bench, text: str) -> None:
    resolve(parse(text), bench.voice.lexicon, text=text)


# ------------------------------------------------------------------------------------------------ campaigns


def _campaigns(bench: _Bench) -> Iterator[LimnerError]:
    zone, channels = bench.shop.settings.zone, _sound_channels(bench)
    for key, campaign in bench.definitions.of(Campaign).items():
        place = f"campaigns/{key}"
        yield from tried(place, *_references(bench, campaign))
        yield from tried(place, partial(window_of, campaign, zone), partial(parse_hours, campaign.period.hours, place))
        yield from tried(f"{place}: goal", partial(bench.event, campaign.goal.event))
        yield from _numbers(campaign, place)
        for field in ("offers", "channels"):
            if not getattr(campaign, field):
                yield BadDefinition(NAMES_NOTHING, place=place, field=field)
        yield from _addresses(bench, campaign, place)
        offers = {name: offer for name, offer in bench.definitions.of(Offer).items() if name in campaign.offers}
        for message in _messages(bench, campaign, offers, channels):
            yield from tried(place, message)


def _addresses(bench: _Bench, campaign: Campaign, place: str) -> Iterator[LimnerError]:
    """What a campaign's channels write to is kept whole; a rehearsal writes to nobody."""
    kinds = kinds_of(bench.definitions.of(IdentifierRule))
    named = {key: bench.definitions.of(Channel).get(key) for key in campaign.channels if not campaign.is_rehearsal}
    for key, channel in named.items():
        if channel is not None and not kinds.of(channel.address).is_address:
            yield BadDefinition(NO_ADDRESS, place=place, channel=key, kind=channel.address)


def _messages(
    bench: _Bench, campaign: Campaign, offers: Mapping[str, Offer], channels: Mapping[str, Channel]
) -> Iterator[Callable[[], object]]:
    zone = bench.shop.settings.zone
    for name in campaign.channels:
        if name in channels:
            for offer in offers.values():
                yield partial(content.check_message, offer, channels[name], campaign.message_class, zone=zone)


def _references(bench: _Bench, campaign: Campaign) -> Iterator[Callable[[], object]]:
    yield partial(bench.find, Audience, campaign.audience)
    yield partial(bench.find, Policy, campaign.policy)
    yield from (partial(bench.find, Offer, name) for name in campaign.offers)
    yield from (partial(bench.find, Channel, name) for name in campaign.channels)


def _numbers(campaign: Campaign, place: str) -> Iterator[LimnerError]:
    experiment, goal, budget = campaign.experiment, campaign.goal, campaign.budget
    share, sure, effect = experiment.holdout, experiment.confidence, goal.effect
    yield from _bound(place, "experiment: holdout", share, 0 <= share < 1, "a share from 0 to below 1")
    yield from _bound(place, "experiment: confidence", sure, 0.5 <= sure < 1, "a share from 0.5 to below 1")
    yield from _one_of(place, "experiment: metric", experiment.metric, METRICS)
    for name in experiment.guardrails:
        yield from _one_of(place, "experiment: guardrails", name, GUARDRAILS)
    yield from _bound(place, "goal: within", goal.within, goal.within > timedelta(), "longer than 0")
    yield from _bound(place, "goal: effect", effect, effect is None or 0 < effect < 1, "a share between 0 and 1")
    yield from _bound(place, "budget", budget, budget is None or budget >= 0, "0 or more")


def _journeys(bench: _Bench) -> Iterator[LimnerError]:
    for key, journey in bench.definitions.of(Journey).items():
        place = f"journeys/{key}"
        yield from tried(place, partial(bench.find, Campaign, journey.campaign))
        for name, body in journey.nodes.items():
            yield from tried(f"{place}: {name}", partial(NODES.find, str(body.get("kind", ""))))


def _retention(bench: _Bench) -> Iterator[LimnerError]:
    for key, rule in bench.definitions.of(Retention).items():
        place = f"retention/{key}"
        yield from _bound(place, "months", rule.months, rule.months >= 1, "1 or more")
        for field, tables in NARROWED_BY.items():
            fits = not getattr(rule, field) or rule.over in tables
            yield from _bound(place, field, repr(getattr(rule, field)), fits, "left out of such a rule")
        if rule.source:
            yield from _one_of(place, "source", rule.source, known_sources(bench.shop, bench.definitions))
        if rule.event:
            yield from tried(f"{place}: event", partial(bench.event, rule.event))
        if rule.trait and rule.trait not in bench.voice.columns:
            yield BadDefinition(NO_TRAIT, near=near(rule.trait, bench.voice.columns), place=place, name=rule.trait)


def _purposes(bench: _Bench) -> Iterator[LimnerError]:
    yield from purpose_problems(bench.shop, bench.definitions, bench.voice)


def _declared(bench: _Bench) -> Iterator[LimnerError]:
    """The trait a tag is held against says the same kind of thing."""
    columns = bench.voice.columns
    for key, tag in bench.definitions.of(Tag).items():
        if not tag.declared:
            continue
        if tag.declared not in columns:
            near_names = near(tag.declared, columns)
            yield BadDefinition(NO_DECLARED, near=near_names, place=f"tags/{key}", name=tag.declared)
            continue
        fits = columns[tag.declared] == columns.get(key) and columns[tag.declared] in ("text", "bool", "int")
        bound = "a trait of the tag's own type: text, bool or int"
        yield from _bound(f"tags/{key}", "declared", repr(tag.declared), fits, bound)


def _states(bench: _Bench) -> Iterator[LimnerError]:
    if bench.states:
        desk = Desk(bench.definitions, bench.voice.lexicon, bench.voice.owners, bench.shop.settings.zone)
        yield from state_problems(bench.states, users(desk, bench.voice.on), bench.shop.settings)


__all__ = ["check_definitions", "problems"]
