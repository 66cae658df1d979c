"""What a source is: where its files lie and which column means what. A frozen value read from a small YAML file.

A field is a column's name, or a mapping that says more (`Field`). Every section is optional: one file may state events,
the lines of orders, traits, items, holdings, relations, sites, consents or receipts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from limner.core.definition import definition
from limner.flow.sources.layouts import Control, Fixed, SqlRead
from limner.flow.sources.quality.declared import CheckRule


@dataclass(frozen=True, slots=True)
class Field:
    """Where a value comes from: a column, several joined, or a constant; and how it is read.

    `words` maps what the file says to what we say; a word not in it becomes `other`, or is kept when that is empty.
    `unit` multiplies numbers (0.01 when a file writes cents). `order` says how 1/2/2026 is meant. `type` is for traits
    and properties: text, number, money, bool, instant, date, place.
    """

    column: str = ""
    columns: tuple[str, ...] = ()
    join: str = " "
    constant: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    other: str = ""
    unit: Decimal = Decimal(1)
    order: Literal["ymd", "dmy", "mdy"] = "ymd"
    zone: str = ""
    type: Literal["", "text", "number", "money", "bool", "instant", "date", "place"] = ""


Reads = str | Field
Condition = Mapping[str, object]
"""Column → what it must be; see `conditions.py`."""


@dataclass(frozen=True, slots=True)
class RejectRule:
    """Rows that must not be used, and why."""

    matching: Condition
    reason: str


@dataclass(frozen=True, slots=True)
class EventMap:
    """One event per row that matches (of a file of order lines: one per order).

    `amount` of an order is what was paid for it; without one, an order's amount is the sum of its lines. In a file of
    order lines it is taken from the order's first line, or summed when `is_amount_per_line`. A refund's amount is
    written positive, whatever sign the file gives it. `extra` is a column of JSON objects: what else is known of the
    event, kept as it is.
    """

    name: Reads
    happened_at: Reads
    matching: Condition = field(default_factory=dict)
    event_id: Reads = ""
    order_id: Reads = ""
    item_id: Reads = ""
    category: Reads = ""
    quantity: Reads = ""
    amount: Reads = ""
    is_amount_per_line: bool = False
    currency: Reads = ""
    via: Reads = ""
    session: Reads = ""
    extra: Reads = ""
    properties: Mapping[str, Reads] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LineMap:
    """The lines of orders: the file has one row per line. Without `amount`, a line's amount is quantity × price."""

    item_id: Reads
    quantity: Reads = ""
    price: Reads = ""
    list_price: Reads = ""
    amount: Reads = ""
    category: Reads = ""


@dataclass(frozen=True, slots=True)
class ItemMap:
    """One item per row."""

    item_id: Reads
    name: Reads = ""
    category: Reads = ""
    price: Reads = ""
    cost: Reads = ""
    on_sale_at: Reads = ""
    off_sale_at: Reads = ""


@dataclass(frozen=True, slots=True)
class HoldingMap:
    """One holding per row that matches."""

    kind: Reads
    item_id: Reads
    opened_at: Reads
    closed_at: Reads = ""
    amount: Reads = ""
    matching: Condition = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelationMap:
    """One relation per row that matches: to another customer (`other`, of the kind `other_kind`) or to an operator."""

    kind: Reads
    happened_at: Reads
    other: Reads = ""
    other_kind: str = ""
    operator: Reads = ""
    until_at: Reads = ""
    matching: Condition = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SiteMap:
    """One store or branch per row. `org` is its path from headquarters down."""

    site_id: Reads
    name: Reads = ""
    org: Reads = ""
    longitude: Reads = ""
    latitude: Reads = ""


@dataclass(frozen=True, slots=True)
class ConsentMap:
    """One statement of consent per row that matches. `granted` must read as yes or no.

    `uses` is how many messages it is good for (empty: any number); `proof` says where it was given.
    """

    channel: Reads
    granted: Reads
    happened_at: Reads
    purpose: Reads = field(default_factory=lambda: Field(constant="marketing"))
    until_at: Reads = ""
    uses: Reads = ""
    proof: Reads = ""
    matching: Condition = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReceiptMap:
    """What a provider reports of messages: the key we gave it, the status in its words, and when."""

    message_key: Reads
    status: Reads
    happened_at: Reads
    amount: Reads = ""


@dataclass(frozen=True, slots=True)
class EnrichMap:
    """What a column says beyond itself: `kind` reads it (see `enrich/`), and what it finds goes to traits or events.

    `traits` and `properties` are names of finds, or our names → finds. Every find may also be named like a column of
    the file, as `column:find`, wherever a column may: in conditions, identifiers, fields. The column itself is not
    kept.
    """

    kind: str
    column: str = ""
    columns: tuple[str, ...] = ()
    join: str = ""
    traits: tuple[str, ...] | Mapping[str, str] = ()
    properties: tuple[str, ...] | Mapping[str, str] = ()

    @property
    def label(self) -> str:
        """What a reject calls it."""
        return self.column or "+".join(self.columns)

    def named(self, find: str) -> str:
        """The column a find fills."""
        return f"{self.label}:{find}"


@dataclass(frozen=True, slots=True)
class LiveMap:
    """What clients mean that send live. `user` and `anonymous` are the kinds of identifier that their own ids are.

    `identifiers` are traits that are identifiers: name → kind; phone, email and their like need not be named. `names`
    are names of events → ours, `traits` names of traits → ours (an empty one leaves the trait out), `fields` properties
    → the field of an event they fill (order_id, amount, item_id, category, quantity, currency, session, via).
    `repeats` says how a message is known again: by the id its client gave it, or by its content where it gave none.
    """

    user: str = "user_id"
    anonymous: str = "cookie"
    identifiers: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    traits: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    repeats: Literal["id", "content"] = "id"


@definition("sources")
@dataclass(frozen=True, slots=True)
class Source:
    """One kind of file and what it means. `files` are paths, folders or globs, relative to the workspace.

    `kind` is csv, fixed, excel, jsonl or parquet, by the suffix when empty. Of delimited text, `delimiter` may be
    several characters, `quote` is found out (none: there are no quotes), `escape` is the character before a quote or
    delimiter that is none, `columns` are the names where there is no header. `control` is the file beside each file
    that vouches for it. `sql` says that rows come out of a database, not out of files. With `watch` the keeper looks
    `every` so often and takes files that have not changed for `settle`. `replaces` says what a file of a known name is:
    a load of its own, the new version of that file, or part of a new version of its partition (`dt=2026-11-20`).
    The events of files that are `in_place` are read where they lie: Parquet of the operator's own, of which nothing is
    copied; a changed partition is read again. `zone` and `currency` are the workspace's when empty.
    `is_history` says that rows describe what the shop knew when it happened, not when the file came: such rows may
    train models and never fire live journeys; `collect` may say otherwise for one run. `extra: keep` keeps columns
    nobody mapped as text. `optional` names columns a file may lack. `strip` are characters taken off both ends of
    every cell. `enrich` reads more out of columns. `checks` are what every load is held to; `drift` says whether a
    file of another shape than those before is held or reported (empty: held when a mapped column changed). `money`
    states in words what the amounts mean; `ask` are open questions with the answers assumed. A source that is `live`
    has no files: clients send to it, with a write key.
    """

    id: str
    files: tuple[str, ...] = ()
    name: str = ""
    kind: str = ""
    encoding: str = ""
    delimiter: str = ""
    quote: str = ""
    escape: str = ""
    columns: tuple[str, ...] = ()
    fixed: Fixed | None = None
    control: Control | None = None
    sql: SqlRead | None = None
    in_place: bool = False
    watch: bool = False
    every: timedelta = timedelta(seconds=10)
    settle: timedelta = timedelta(seconds=5)
    replaces: Literal["never", "by_name", "by_partition"] = "never"
    sheet: str = ""
    skip: int = 0
    strip: str = ""
    zone: str = ""
    currency: str = ""
    is_history: bool = True
    extra: Literal["drop", "keep"] = "drop"
    optional: tuple[str, ...] = ()
    enrich: tuple[EnrichMap, ...] = ()
    identifiers: Mapping[str, Reads] = field(default_factory=dict)
    reject: tuple[RejectRule, ...] = ()
    cancelled: Condition = field(default_factory=dict)
    events: tuple[EventMap, ...] = ()
    lines: LineMap | None = None
    traits: Mapping[str, Reads] = field(default_factory=dict)
    traits_at: Reads = ""
    items: ItemMap | None = None
    holdings: tuple[HoldingMap, ...] = ()
    relations: tuple[RelationMap, ...] = ()
    sites: SiteMap | None = None
    consents: tuple[ConsentMap, ...] = ()
    receipts: ReceiptMap | None = None
    checks: tuple[CheckRule, ...] = ()
    live: LiveMap | None = None
    drift: Literal["", "report", "hold"] = ""
    money: str = ""
    ask: Mapping[str, object] = field(default_factory=dict)


def as_field(reads: Reads) -> Field:
    """A field in its long form; the empty text is a field that reads nothing.

    >>> as_field("手机号").column
    '手机号'
    """
    return reads if isinstance(reads, Field) else Field(column=reads)


def is_read(reads: Reads) -> bool:
    """Whether a field reads anything at all."""
    long = as_field(reads)
    return bool(long.column or long.columns or long.constant)
