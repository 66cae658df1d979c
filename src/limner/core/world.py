"""What the world tells us: the facts. All instants are UTC; hashes are 16 bytes; money is Decimal in one currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    name: str
    happened_at: datetime
    source: str
    received_at: datetime | None = None
    trace: int | None = None
    via: str | None = None
    session: str | None = None
    order_id: str | None = None
    item_id: str | None = None
    category: str | None = None
    quantity: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A kind and a keyed hash that may point to a customer. Strength is strong, weak or device."""

    kind: str
    hash: bytes
    strength: str = "strong"


@dataclass(frozen=True, slots=True)
class Trait:
    """A stated property of a customer, from `happened_at` until `until_at` (open when None)."""

    name: str
    value: object
    happened_at: datetime
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """What can be bought or offered: a SKU, tariff, fund, content. `category` is a path such as 女装/连衣裙."""

    item_id: str
    name: str = ""
    category: str | None = None
    price: Decimal | None = None
    cost: Decimal | None = None
    on_sale_at: date | None = None
    off_sale_at: date | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """A customer with an item or account over a period, and its amount: card, contract, balance, coupon, points."""

    kind: str
    item_id: str
    opened_at: datetime
    closed_at: datetime | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A customer tied to another customer or to an operator: household, referrer, recipient, owner."""

    kind: str
    trace: int
    other_trace: int | None
    operator: str | None
    happened_at: datetime
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A store or branch: its org path from headquarters down, and its point (degrees, WGS-84)."""

    site_id: str
    name: str
    org: str
    longitude: float | None = None
    latitude: float | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person allowed or refused: purpose, channel, since when, until when, how many uses are left, the proof.

    `uses` None means unlimited; one mini-program authorisation has `uses` 1.
    """

    hash: bytes
    channel: str
    purpose: str
    is_granted: bool
    happened_at: datetime
    until_at: datetime | None = None
    uses: int | None = None
    proof: str | None = None
