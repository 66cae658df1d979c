"""The words of an offer on a channel: chosen, compiled, checked and rendered.

An offer's content stands under a channel's id or, for all channels of a kind, under the kind. What is checked when a
definition is applied (names, tags, filters, SMS rules, places in HTML) is not found out when a message is sent; what
depends on the customer (a missing value) releases that one message with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from limner.core.errors import BadDefinition, BadInput, near, words
from limner.core.ours import Campaign, Channel, Content, Offer
from limner.core.sms import check_sms, segments
from limner.flow.channels.base import KINDS, ChannelKind, Rendered, options_of, unsubscribe_link
from limner.flow.channels.markup import check_markup, text_of
from limner.flow.channels.templates import Medium, Template, clean, compiled

NO_CONTENT = words(
    "offer_without_content",
    "{place}: the offer has no words for the channel {channel!r}. Write them under content: {channel}.",
)
EMPTY_CONTENT = words("content_incomplete", "{place}: a message by {kind} needs {needed}. Write it there.")
UNKNOWN_TARGET = words("content_channel_unknown", "{place}: there is no channel or channel kind {name!r}.")
UNKNOWN_COLUMN = words("list_column_unknown", "{place}: {name!r} is no tag, trait or part of a message.")
BLANK = words("message_blank", "{place}: nothing is left to send to this customer.")

OWN_NAMES = frozenset({"offer", "channel", "unsubscribe_url", "customer_id"})
"""What a template knows without asking the portrait: offer.name, offer.coupon, offer.benefit, offer.item_id,
channel.name, the link to unsubscribe by, the customer's public id."""

LIST_NAMES = frozenset({"address", "text", "customer_id", "campaign", "offer"})
"""What a column of a list may hold besides tags and traits."""

_PIECES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_ALONE = re.compile(r"\s*\{\{-?\s*([^\s|.\[\]{}]+)\s*-?\}\}\s*")


@dataclass(frozen=True, slots=True)
class Wording:
    """The compiled words of one offer on one channel."""

    place: str
    channel: Channel
    offer: Offer
    text: Template | None
    subject: Template | None
    html: Template | None
    payload: Mapping[str, object]
    columns: tuple[str, ...]
    fixed: Mapping[str, object]
    unsubscribe_url: str
    is_sms: bool

    @property
    def names(self) -> frozenset[str]:
        """All names these words use."""
        templates = [t for t in (self.text, self.subject, self.html) if t is not None]
        return frozenset({name for t in (*templates, *_leaves(self.payload)) for name in t.names} | set(self.columns))

    @property
    def needs(self) -> frozenset[str]:
        """The tags and traits these words use: all that a message's parameters must hold, and no more."""
        own = OWN_NAMES | LIST_NAMES if self.columns else OWN_NAMES
        return self.names - own

    def values(self, parameters: Mapping[str, object], *, key: str, customer_id: str) -> dict[str, object]:
        """What the templates see: the customer's cleaned values, and the message's own names over them."""
        found = {**clean(parameters, brackets=not self.is_sms), **self.fixed}
        if customer_id:
            found["customer_id"] = customer_id
        if self.unsubscribe_url:
            found["unsubscribe_url"] = unsubscribe_link(self.unsubscribe_url, key)
        return found

    def render(self, values: Mapping[str, object]) -> Rendered:
        """The words for one customer, of what `values` answered. A missing value is BadInput that names it."""
        text = self.text.render(values) if self.text else ""
        html = self.html.render(values) if self.html else ""
        if html and not text:
            text = text_of(html)
        if self.text and not text.strip():
            raise BadInput(BLANK, place=self.place)
        if self.is_sms:
            text = text.strip()
        return Rendered(
            text=text,
            subject=self.subject.render(values) if self.subject else "",
            html=html,
            payload=_filled(self.payload, values),
            segments=segments(text) if self.is_sms else 1,
        )

    def cost(self, rendered: Rendered) -> Decimal:
        """What handing it over costs: the channel's price, for an SMS by segment."""
        return self.channel.price * rendered.segments


def wording(
    offer: Offer, channel: Channel, *, zone: tzinfo, place: str, among: Collection[str] | None = None
) -> Wording:
    """Compile the words of an offer on a channel; every mistake is BadDefinition with its place.

    `among` are the tags and traits there are (None: not checked, for offers that were checked when applied).
    """
    kind = KINDS.find(channel.kind)
    options = options_of(channel, f"channels/{channel.id}")
    content = _content_of(offer, channel, kind, place)
    names = None if among is None else frozenset(among) | OWN_NAMES
    columns = tuple(getattr(options, "columns", {}).values()) if kind.carries == "list" else ()
    if names is not None:
        for column in (*columns, *filter(None, [getattr(options, "split_by", "")])):
            if column not in names | LIST_NAMES:
                _unknown_column(column, names | LIST_NAMES, channel)
    split = getattr(options, "split_by", "")
    is_sms = kind.carries == "message" and channel.address == "phone" and bool(content.text)
    made = Wording(
        place=place,
        channel=channel,
        offer=offer,
        text=_compiled(content.text, f"{place}: text", "plain", zone, names),
        subject=_compiled(content.subject, f"{place}: subject", "line", zone, names),
        html=_compiled(content.html, f"{place}: html", "html", zone, names),
        payload=_payload(content.payload, f"{place}: payload", zone, names),
        columns=(*columns, split) if split else columns,
        fixed=_fixed(offer, channel),
        unsubscribe_url=str(getattr(options, "unsubscribe_url", "")),
        is_sms=is_sms,
    )
    _check_whole(content, kind, place, channel)
    if content.html:
        check_markup(content.html, f"{place}: html")
    return made


def check(
    channels: Mapping[str, Channel],
    offers: Mapping[str, Offer],
    campaigns: Iterable[Campaign],
    *,
    zone: tzinfo,
    among: Collection[str],
) -> None:
    """Check all channels, all offers' words and the SMS rules of every campaign, as `apply` and `check` do."""
    for channel in channels.values():
        options_of(channel, f"channels/{channel.id}")
    kinds = {name for name, _ in KINDS}
    for offer in offers.values():
        for target in offer.content:
            if target not in channels and target not in kinds:
                known = (*channels, *kinds)
                place = f"offers/{offer.id}: content"
                raise BadDefinition(UNKNOWN_TARGET, near=near(target, known), place=place, name=target)
            for channel in channels.values():
                if target in (channel.id, channel.kind):
                    wording(offer, channel, zone=zone, place=f"offers/{offer.id}: content: {target}", among=among)
    for campaign in campaigns:
        for offer_id in campaign.offers:
            for channel_id in campaign.channels:
                if offer_id in offers and channel_id in channels:
                    check_message(offers[offer_id], channels[channel_id], campaign.message_class, zone=zone)


def check_message(offer: Offer, channel: Channel, message_class: str, *, zone: tzinfo) -> None:
    """Check that an offer has words for a channel, and that an SMS is signed and says how to refuse further ones."""
    place = f"offers/{offer.id}: content: {channel.id}"
    made = wording(offer, channel, zone=zone, place=place)
    if not made.is_sms or made.text is None:
        return
    check_sms(
        skeleton(made.text.source),
        place=f"{place}: text",
        signature=channel.signature,
        opt_out=channel.opt_out,
        port_type=channel.port_type,
        message_class=message_class,
    )


def skeleton(source: str) -> str:
    """The fixed words of a template: every output becomes one sign, tags go.

    >>> skeleton("【南枝】{% if a %}{{ a }}{% endif %}您好")
    '【南枝】某您好'
    """
    return _PIECES.sub(lambda found: "某" if found[0].startswith("{{") else "", source)


def _fixed(offer: Offer, channel: Channel) -> dict[str, object]:
    """The names that are the same in every message of an offer on a channel."""
    known = {
        "id": offer.id,
        "name": offer.name,
        "coupon": offer.coupon,
        "benefit": format(offer.benefit.normalize(), "f"),
        "item_id": offer.item_id,
    }
    return clean({"offer": known, "channel": {"id": channel.id, "name": channel.name}})


def _content_of(offer: Offer, channel: Channel, kind: type[ChannelKind[object]], place: str) -> Content:
    found = offer.content.get(channel.id) or offer.content.get(channel.kind)
    if found is None and kind.carries == "list":
        return Content()
    if found is None:
        raise BadDefinition(NO_CONTENT, place=place, channel=channel.id)
    return found


def _check_whole(content: Content, kind: type[ChannelKind[object]], place: str, channel: Channel) -> None:
    needed = ""
    if kind.carries == "mail" and not content.subject.strip():
        needed = "a subject"
    elif kind.carries == "mail" and not (content.html.strip() or content.text.strip()):
        needed = "html or text"
    elif kind.carries == "message" and not (content.text.strip() or content.payload):
        needed = "text or a payload"
    if needed:
        raise BadDefinition(EMPTY_CONTENT, place=place, kind=channel.kind, needed=needed)


def _compiled(source: str, place: str, medium: Medium, zone: tzinfo, names: Collection[str] | None) -> Template | None:
    return compiled(source, place=place, medium=medium, zone=zone, among=names) if source.strip() else None


def _payload(tree: Mapping[str, object], place: str, zone: tzinfo, names: Collection[str] | None) -> dict[str, object]:
    return {key: _branch(value, f"{place}.{key}", zone, names) for key, value in tree.items()}


def _branch(value: object, place: str, zone: tzinfo, names: Collection[str] | None) -> object:
    if isinstance(value, str):
        return compiled(value, place=place, medium="plain", zone=zone, among=names)
    if isinstance(value, Mapping):
        return {str(key): _branch(part, f"{place}.{key}", zone, names) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_branch(part, f"{place}[{number}]", zone, names) for number, part in enumerate(value)]
    return value


def _leaves(value: object) -> Iterable[Template]:
    if isinstance(value, Template):
        yield value
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _leaves(part)


def _filled(tree: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    return {key: _fill(value, values) for key, value in tree.items()}


def _fill(value: object, values: Mapping[str, object]) -> object:
    if isinstance(value, Template):
        return _native(value, values)
    if isinstance(value, Mapping):
        return _filled(value, values)
    if isinstance(value, list):
        return [_fill(part, values) for part in value]
    return value


def _native(template: Template, values: Mapping[str, object]) -> object:
    """A template that is nothing but one name keeps the value's own type: a number stays a number in JSON."""
    alone = _ALONE.fullmatch(template.source)
    if alone and isinstance(values.get(alone[1]), bool | int | float):
        return values[alone[1]]
    return template.render(values)


def _unknown_column(column: str, known: Collection[str], channel: Channel) -> None:
    place = f"channels/{channel.id}: options: columns"
    raise BadDefinition(UNKNOWN_COLUMN, near=near(column, known), place=place, name=column)
