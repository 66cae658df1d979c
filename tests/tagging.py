"""A tiny market for the tests of tags: events, lines, items and links written straight into the lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from limner.core.actor import OWNER
from limner.core.spans import day_of
from limner.flow.tags.tag import tag
from limner.store.definitions import Definitions

ZONE = ZoneInfo("Asia/Shanghai")
ASOF = datetime(2026, 9, 1, tzinfo=ZONE).astimezone(UTC)
STAMP = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(18, 4)
DAYS_MORE = timedelta(days=40)
NAMES = (
    *(
        "Product Viewed",
        "Product Favorited",
        "Product Added",
        "Order Completed",
        "Order Refunded",
        "Message Handed Over",
    ),
    *("Message Clicked", "Signed In"),
)
CATEGORIES = ("女装/连衣裙", "女装/上衣", "鞋/靴子", "配饰/围巾")


def put_links(stores, pairs, version="links-1"):
    """Publish trace → number under a version."""
    traces, numbers = zip(*pairs, strict=True) if pairs else ((), ())
    rows = {
        "trace": pa.array(traces, pa.int32()),
        "number": pa.array(numbers, pa.int32()),
        "is_identified": pa.array([True] * len(traces), pa.bool_()),
    }
    stores.lake.publish("links", version, pa.table(rows))
    return version


def put_events(stores, rows, batch="events", load=1):
    """Events from dicts; `happened_at` is a datetime with a zone, day and hour are read off it."""
    return stores.lake.append("events", batch, _facts(rows, {"amount": MONEY, "trace": pa.int32()}), load=load)


def put_lines(stores, rows, batch="lines", load=1):
    types = {"amount": MONEY, "price": MONEY, "list_price": MONEY, "quantity": MONEY, "trace": pa.int32()}
    return stores.lake.append("lines", batch, _facts(rows, types), load=load)


def put_items(stores, batch="items"):
    rows = [
        {"item_id": f"sku{i}", "category": CATEGORIES[i % 4], "happened_at": ASOF - timedelta(days=900), "source": "t"}
        for i in range(12)
    ]
    return stores.lake.append("items", batch, pa.Table.from_pylist(rows), load=1)


def _facts(rows, types):
    whole = []
    for row in rows:
        local = row["happened_at"].astimezone(ZONE)
        whole.append({"source": "t", "day": day_of(local, ZONE), "hour": local.hour} | row)
    columns = sorted({name for row in whole for name in row})
    arrays = {}
    for name in columns:
        kind = types.get(name) or {"day": pa.int32(), "hour": pa.int8(), "happened_at": STAMP}.get(name)
        values = [row.get(name) for row in whole]
        if kind == MONEY or (kind is None and any(isinstance(v, Decimal) for v in values)):
            values = [None if v is None else Decimal(v) for v in values]
            kind = MONEY
        arrays[name] = pa.array(values, kind) if kind else pa.array(values)
    return pa.table(arrays)


def market(stores, *, seed=1, customers=40, events=2000, start=None, end=ASOF, batch="market"):
    """Random events and order lines of some customers between two instants; the same seed gives the same rows."""
    rng = np.random.default_rng(seed)
    start = start or end - timedelta(days=500)
    span = (end - start).total_seconds()
    rows, lines = [], []
    for index in range(events):
        moment = start + timedelta(seconds=int(rng.integers(0, int(span))))
        name = NAMES[int(rng.choice(len(NAMES), p=(0.45, 0.12, 0.08, 0.12, 0.02, 0.08, 0.03, 0.1)))]
        row = {
            "name": name,
            "trace": int(rng.zipf(1.3) % customers) + 1,
            "happened_at": moment,
            "via": ("web", "app", "mini", None)[int(rng.integers(0, 4))],
            "session": f"s{rng.integers(0, 50)}",
        }
        if name.startswith("Product"):
            row["item_id"] = f"sku{rng.integers(0, 12)}"
        if name.startswith("Order"):
            row["amount"] = Decimal(int(rng.integers(100, 90000))) / 100
            row["order_id"] = f"{batch}-{index}"
        if name == "Order Completed":
            full = row["amount"] * 2
            is_sold_off = bool(rng.integers(0, 2))
            row |= {
                "p_list_amount": full,
                "p_discount": full - row["amount"],
                "p_coupon": "TEN" if is_sold_off else None,
            }
            lines.append(
                {
                    "order_id": row["order_id"], "line": 1, "name": name, "trace": row["trace"], "happened_at": moment,
                    "item_id": f"sku{rng.integers(0, 12)}", "quantity": Decimal(int(rng.integers(1, 4))),
                    "price": row["amount"], "list_price": row["amount"] if is_sold_off else full,
                    "amount": row["amount"],
                }
            )  # fmt: skip
        rows.append(row)
    put_events(stores, rows, f"{batch}:events")
    if lines:
        put_lines(stores, [line | {"line": np.int32(1)} for line in lines], f"{batch}:lines")
    return rows, lines


def whole_market(stores, customers=40, **more):
    """Items, links (two traces per customer) and random events; the version of the links."""
    put_items(stores)
    found = market(stores, customers=customers, **more)
    put_links(stores, [(trace, (trace - 1) // 2) for trace in range(1, customers + 1)])
    return found


def compute(stores, tags=None, *, asof=ASOF, only=None, size=20, base=None):
    """The tags, or whole definitions, as a view of a draft: (version, what was computed)."""
    definitions = tags if isinstance(tags, Definitions) else None
    definitions = definitions or Definitions({"tags": {t.id: t for t in tags}} if tags else {}, {})
    draft = stores.gallery.draft(base)
    draft.put_living(BitMap(range(size)), size)
    done = tag(stores, definitions, draft, who=OWNER, asof=asof, links="links-1", only=only)
    return draft.view(asof=asof.isoformat()), done


def answers(version, name):
    """The answers of a column, one per customer, None where unknown."""
    column = version.column(name)
    return [column.value(number) for number in range(version.size)]
