"""The tables of the lake, column by column. Types are our own words; an engine maps them to its own.

int8 int32 int64 · float64 · bool · text · money (decimal(18,4)) · instant (UTC, µs) · hash (16 bytes).
`day` counts local days since 1970-01-01, `hour` is local; both are written at intake. A fact carries seq, load, source,
happened_at and received_at; a view has one writer and a version instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

PROPERTY_TYPES = {
    "text": "text",
    "number": "float64",
    "money": "money",
    "bool": "bool",
    "instant": "instant",
    "place": "text",
}
"""The column type of a declared property."""


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table's name, columns in order, sort keys, and whether it is a view (rebuilt, versioned) or facts.

    A view with a `span` lies in parts: part p holds the rows whose `key` is within [p · span, (p + 1) · span), and a
    version takes over the files of another whose rows have not changed.
    """

    name: str
    columns: Mapping[str, str]
    sort: tuple[str, ...] = ()
    is_view: bool = False
    key: str = "trace"
    span: int = 0

    def with_properties(self, declared: Iterable[tuple[str, str]]) -> LakeTable:
        """The table with one typed column per declared property (id, type)."""
        extra = {f"p_{name}": PROPERTY_TYPES[kind] for name, kind in declared}
        return replace(self, columns=MappingProxyType({**self.columns, **extra}))


_FACT = {"seq": "int64", "load": "int64", "source": "text", "happened_at": "instant", "received_at": "instant"}


def _fact(name: str, columns: Mapping[str, str], sort: tuple[str, ...] = ()) -> LakeTable:
    return LakeTable(name, MappingProxyType({**_FACT, **columns}), sort)


def _view(
    name: str, columns: Mapping[str, str], sort: tuple[str, ...] = (), key: str = "number", span: int = 0
) -> LakeTable:
    return LakeTable(name, MappingProxyType(dict(columns)), sort, is_view=True, key=key, span=span)


_TRACES_IN_PART = 1 << 18
"""Traces whose links lie in one file: some 3 MB. Ten million customers of three identifiers have 115 such files."""


EVENTS = _fact(
    "events",
    {
        "event_key": "hash",
        "name": "text",
        "day": "int32",
        "hour": "int8",
        "trace": "int32",
        "via": "text",
        "session": "text",
        "order_id": "text",
        "item_id": "text",
        "category": "text",
        "quantity": "money",
        "amount": "money",
        "currency": "text",
        "touch_id": "int64",
        "is_history": "bool",
        "p_list_amount": "money",
        "p_discount": "money",
        "p_coupon": "text",
        "p_coupon_amount": "money",
        "p_campaign": "text",
        "extra": "text",
    },
    sort=("trace", "happened_at"),
)
LINES = _fact(
    "lines",
    {
        "order_id": "text",
        "line": "int32",
        "name": "text",
        "day": "int32",
        "hour": "int8",
        "trace": "int32",
        "item_id": "text",
        "category": "text",
        "quantity": "money",
        "price": "money",
        "list_price": "money",
        "amount": "money",
        "is_history": "bool",
    },
    sort=("trace", "happened_at"),
)
SPARE_EVENTS = replace(EVENTS, name="spare_events")
SPARE_LINES = replace(LINES, name="spare_lines")
"""Events and lines kept out because another load had stated them: they take their place when that load is withdrawn."""
IN_PLACE = LakeTable(
    "in_place",
    MappingProxyType({**EVENTS.columns, "place": "int64", "is_used": "bool", "differing": "text"}),
    sort=("place",),
)
"""What stands beside a file that is read where it lies; the catalog lists it under `events`."""
ITEMS = _fact(
    "items",
    {
        "item_id": "text",
        "name": "text",
        "category": "text",
        "price": "money",
        "cost": "money",
        "on_sale_at": "instant",
        "off_sale_at": "instant",
        "extra": "text",
    },
)
IDENTIFIERS = _fact(
    "identifiers",
    {"trace": "int32", "kind": "text", "hash": "hash", "with_trace": "int32", "strength": "text"},
    sort=("trace",),
)
TRACES = _fact("traces", {"kind": "text", "hash": "hash", "trace": "int32"}, sort=("hash",))
TRAITS = _fact(
    "traits",
    {
        "trace": "int32",
        "name": "text",
        "text": "text",
        "number": "float64",
        "instant": "instant",
        "until_at": "instant",
    },
    sort=("name", "trace"),
)
HOLDINGS = _fact(
    "holdings",
    {
        "trace": "int32",
        "kind": "text",
        "item_id": "text",
        "opened_at": "instant",
        "closed_at": "instant",
        "amount": "money",
        "amount_at": "instant",
    },
    sort=("trace",),
)
RELATIONS = _fact(
    "relations",
    {"trace": "int32", "kind": "text", "other_trace": "int32", "operator": "text", "until_at": "instant"},
    sort=("trace",),
)
SITES = _fact(
    "sites",
    {"site_id": "text", "name": "text", "org": "text", "longitude": "float64", "latitude": "float64", "extra": "text"},
)
REJECTS = _fact("rejects", {"place": "text", "column_name": "text", "value": "text", "reason": "text"})
MINTS = _fact("mints", {"trace": "int32", "number": "int32"}, sort=("trace",))
DECISIONS = _fact(
    "decisions",
    {
        "decision": "int64",
        "plan_id": "int64",
        "campaign": "text",
        "experiment": "text",
        "number": "int32",
        "trace": "int32",
        "arm": "text",
        "answer": "text",
        "reason": "text",
        "limit_name": "text",
        "offer": "text",
        "channel": "text",
        "moment": "instant",
        "latest_at": "instant",
        "value": "money",
        "cost": "money",
        "probability": "float64",
        "is_explored": "bool",
    },
    sort=("number",),
)
LINKS = _view(
    "links",
    {"trace": "int32", "number": "int32", "is_identified": "bool", "part": "int32"},
    sort=("trace",),
    key="trace",
    span=_TRACES_IN_PART,
)
"""`part` is the smallest trace that records lead to, before contradictions were parted."""
CUTS = _view(
    "cuts",
    {"trace": "int32", "beside": "int32", "reason": "text"},
    sort=("trace",),
    key="trace",
    span=_TRACES_IN_PART,
)
"""Pairs of identifiers that stood in one record, or were found alike, and yet join nobody."""
OUTCOMES = _view(
    "outcomes",
    {
        "decision": "int64",
        "plan_id": "int64",
        "campaign": "text",
        "experiment": "text",
        "number": "int32",
        "arm": "text",
        "channel": "text",
        "offer": "text",
        "moment": "instant",
        "until_at": "instant",
        "is_complete": "bool",
        "is_converted": "bool",
        "converted_at": "instant",
        "orders": "int64",
        "uncosted": "int64",
        "revenue": "money",
        "refunds": "money",
        "margin": "money",
        "benefit": "money",
        "contact_cost": "money",
        "money": "money",
        "is_handed_over": "bool",
        "is_delivered": "bool",
        "is_opened": "bool",
        "is_clicked": "bool",
        "is_opted_out": "bool",
        "is_complained": "bool",
        "is_ripe": "bool",
        "is_returned": "bool",
        "touch_id": "int64",
    },
    sort=("plan_id", "number"),
)
RESULTS = _view(
    "results",
    {
        "campaign": "text",
        "experiment": "text",
        "metric": "text",
        "arm": "text",
        "name": "text",
        "value": "float64",
    },
)
TOUCHES = _fact(
    "closed_touches",
    {
        "touch_id": "int64",
        "message_key": "text",
        "plan_id": "int64",
        "campaign": "text",
        "number": "int32",
        "channel": "text",
        "offer": "text",
        "cost": "money",
    },
    sort=("number",),
)

TABLES: Mapping[str, LakeTable] = MappingProxyType(
    {
        table.name: table
        for table in (
            EVENTS, LINES, SPARE_EVENTS, SPARE_LINES,
            ITEMS, IDENTIFIERS, TRACES, TRAITS, HOLDINGS, RELATIONS, SITES, REJECTS, MINTS, DECISIONS,
            LINKS, CUTS, OUTCOMES, RESULTS, TOUCHES,
        )
    }
)  # fmt: skip
"""Every table of the lake by name."""
