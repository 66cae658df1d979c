"""What we make: the definitions people write, and the facts of our own acts.

A definition is data: it is read from YAML with `limner.core.definition.read` and kept in the ledger, its version the
hash of its content. Instants written in a definition are text, read in the workspace's zone when the definition is
used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from limner.core.definition import definition

Answer = Literal["granted", "held_out", "refused"]
MessageClass = Literal["marketing", "service", "transactional"]


@definition("properties")
@dataclass(frozen=True, slots=True)
class Property:
    """An event property or trait, declared once; it becomes a typed column."""

    id: str
    type: Literal["text", "number", "money", "bool", "instant", "place"]
    name: str = ""
    unit: str = ""
    meaning: str = ""
    is_personal: bool = False


@definition("tags")
@dataclass(frozen=True, slots=True)
class Tag:
    """A question asked of every customer. What `options` may hold depends on the kind.

    `purposes` are what its answer may be used for (none named: what [privacy] says); it is unknown where a customer's
    consent does not cover them. A `draft` is computed and may be looked at, a `retired` one is not computed. `declared`
    is the trait that says what customers state themselves, which the tag is held against.
    """

    id: str
    kind: str = "statistic"
    name: str = ""
    name_en: str = ""
    description: str = ""
    owner: str = ""
    state: Literal["published", "draft", "retired"] = "published"
    sensitivity: Literal["", "public", "internal", "personal", "sensitive"] = ""
    declared: str = ""
    path: str = ""
    over: str = "events"
    sql: str = ""
    rule: str = ""
    matching: str = ""
    within: timedelta | None = None
    type: Literal["int", "float", "money", "bool", "text", "day", "instant"] = "int"
    unit: str = ""
    otherwise: bool | int | float | str | None = None
    half_life: timedelta | None = None
    purposes: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)


@definition("audiences")
@dataclass(frozen=True, slots=True)
class Audience:
    """A named set of customers: a Rule (text or JSON) or a selector with options. `purposes` are what it may be used
    for (none named: whatever its tags may).

    A frozen one keeps the members it had when it was first selected, through merges, until it is frozen anew. `layer`
    is where it stands among audiences (strategic, policy, tactical, single), `parent` the audience it is a part of.
    """

    id: str
    rule: str | Mapping[str, object] = ""
    name: str = ""
    description: str = ""
    selector: str = "rule"
    options: Mapping[str, object] = field(default_factory=dict)
    purposes: tuple[str, ...] = ()
    is_frozen: bool = False
    layer: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """The words of an offer on one channel: Liquid templates."""

    text: str = ""
    subject: str = ""
    html: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)


@definition("offers")
@dataclass(frozen=True, slots=True)
class Offer:
    """What may be put to a customer. `benefit` is what one redeemer costs us; `coupon` the code seen on the order."""

    id: str
    name: str = ""
    description: str = ""
    item_id: str = ""
    benefit: Decimal = Decimal(0)
    coupon: str = ""
    eligibility: str = ""
    applicability: str = ""
    suitability: str = ""
    value: str = ""
    content: Mapping[str, Content] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` touches within a rolling span, over the channels and classes named (none named = all)."""

    most: int
    within: timedelta
    channels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


@definition("channels")
@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach a customer, over a kind of code such as smtp, webhook or file.

    `price` is what one message (of SMS: one segment) costs; `capacity` how many messages it carries in a local day;
    `limits` the platform's own caps per customer; `address` the identifier kind it writes to; `consent` the name of
    the consent it needs; with `is_used_up` each granted consent is good for the number of messages it states.
    `secrets` name where secrets are: env:NAME or file:PATH. A message the provider does not take now is tried up to
    `tries` times, after `backoff`, twice that, and so on.
    """

    id: str
    kind: str
    name: str = ""
    address: str = "phone"
    consent: str = ""
    price: Decimal = Decimal(0)
    capacity: int | None = None
    limits: tuple[Cap, ...] = ()
    is_used_up: bool = False
    is_quiet_exempt: bool = False
    signature: str = ""
    opt_out: str = ""
    port_type: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    tries: int = 6
    backoff: timedelta = timedelta(minutes=1)


@definition("policies")
@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of contact: caps, the gap between two touches, quiet hours, and the universal hold-out.

    Quiet hours are local to the customer; 21:00 to 08:00 wraps midnight.
    """

    id: str = "default"
    name: str = ""
    caps: tuple[Cap, ...] = (
        Cap(1, timedelta(days=1), classes=("marketing",)),
        Cap(3, timedelta(days=7), classes=("marketing",)),
    )
    gap: timedelta = timedelta(hours=12)
    quiet_start: str = "21:00"
    quiet_end: str = "08:00"
    universal_holdout: float = 0.02
    universal_salt: str = "universal"


@dataclass(frozen=True, slots=True)
class Goal:
    """The event a campaign wants, and how long after the decision it counts."""

    event: str = "Order Completed"
    within: timedelta = timedelta(days=14)
    effect: float | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """When a touch may be handed over: from `earliest` to `latest` (local ISO instants), within `hours` such as
    19:00-21:00 of each day."""

    earliest: str
    latest: str
    hours: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Who is held out: the share, the salt (default: the experiment's id), the metric and its guardrails."""

    id: str = ""
    holdout: float = 0.1
    salt: str = ""
    metric: str = "conversion"
    guardrails: tuple[str, ...] = ("opt_out", "complaint", "return")
    confidence: float = 0.95


@definition("campaigns")
@dataclass(frozen=True, slots=True)
class Campaign:
    """A goal, an audience, offers, channels in order of preference, a window, a budget and an experiment.

    A rehearsal draws the arms and is measured like any campaign, and contacts nobody: an A/A check of the measurement.
    It needs no address and no consent, and takes no room under any limit.
    """

    id: str
    audience: str
    offers: tuple[str, ...]
    channels: tuple[str, ...]
    period: Period
    name: str = ""
    description: str = ""
    goal: Goal = Goal()
    budget: Decimal | None = None
    purpose: str = "marketing"
    message_class: MessageClass = "marketing"
    policy: str = "default"
    priority: int = 100
    experiment: Experiment = Experiment()
    is_rehearsal: bool = False
    is_stopped: bool = False


@definition("journeys")
@dataclass(frozen=True, slots=True)
class Journey:
    """A graph of nodes customers walk. The first journey is the one step a campaign makes: entry, then one wish."""

    id: str
    campaign: str
    nodes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    name: str = ""


@definition("retention")
@dataclass(frozen=True, slots=True)
class Retention:
    """How long facts are kept: rows of `over` older than `months` go; of one source, event or trait only, when named.

    Lines go with their events. `addresses` are those of customers of whom nothing else is left; `stream` and `incoming`
    are what live messages and databases left in files on the way in.
    """

    id: str
    over: Literal["events", "lines", "traits", "holdings", "relations", "rejects", "addresses", "stream", "incoming"]
    months: int
    name: str = ""
    description: str = ""
    source: str = ""
    event: str = ""
    trait: str = ""


@definition("models")
@dataclass(frozen=True, slots=True)
class Model:
    """A tag whose answer is learned: the chance of `event` within `horizon`, from the tags named (none: all that may
    be used for its `purposes`). Customers whose consent does not cover them are not learned from and get no score."""

    id: str
    kind: str = "propensity"
    name: str = ""
    name_en: str = ""
    description: str = ""
    event: str = "Order Completed"
    horizon: timedelta = timedelta(days=30)
    features: tuple[str, ...] = ()
    snapshots: int = 3
    purposes: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """One customer as known at `asof`: traits, tags and consents by channel. Unknown answers are absent."""

    customer_id: str
    number: int
    asof: datetime
    is_identified: bool
    traits: Mapping[str, object]
    tags: Mapping[str, object]
    consents: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions of a campaign, with an id: the header. The decisions themselves stand in the lake under the id."""

    plan_id: int
    campaign: str
    made_at: datetime
    asof: datetime
    basis: str
    audience: int
    granted: int
    held_out: int
    refused: Mapping[str, int]
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Decision:
    """Granted, held out or refused: who, what, when, where, how, why (5W1H), with what probability."""

    plan_id: int
    number: int
    answer: Answer
    reason: str
    offer: str
    channel: str
    moment: datetime | None
    value: Decimal
    cost: Decimal
    probability: float = 1.0
    is_explored: bool = False


@dataclass(frozen=True, slots=True)
class Touch:
    """One message handed over to one customer on one channel; written once, its state is folded from receipts."""

    touch_id: int
    message_key: str
    plan_id: int
    number: int
    channel: str
    offer: str
    handed_over_at: datetime
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened inside the window of a decision, granted or held out."""

    plan_id: int
    number: int
    arm: Literal["granted", "held_out"]
    is_converted: bool
    revenue: Decimal
    margin: Decimal
    benefit: Decimal
    contact_cost: Decimal


@dataclass(frozen=True, slots=True)
class Wishes:
    """Touches asked for by one journey or campaign: who, with which offers and channels in order of preference, when.

    `numbers` are customer numbers, any sequence of integers without repeats. `entry_key` makes the wish key with the
    number, node and visit. Earliest and latest are UTC; `hours` are local to the customer.
    """

    campaign: str
    entry_key: str
    node: str
    numbers: Sequence[int]
    offers: tuple[str, ...]
    channels: tuple[str, ...]
    earliest: datetime
    latest: datetime
    hours: str = ""
    purpose: str = "marketing"
    message_class: MessageClass = "marketing"
    is_rehearsal: bool = False
