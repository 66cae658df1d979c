"""A small workspace for tests, written straight into the stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from sqlalchemy import insert

from limner.app.opening import make, open_stores, settings_of
from limner.core.ids import identifier_hash
from limner.core.kinds import identifier_kind
from limner.store.ledger.tables import consents

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)  # 10:00 in Shanghai
STAMP = pa.timestamp("us", tz="UTC")


def open_shop(folder, stream=""):
    """The stores of a new workspace in a folder; `stream` is the URL of its stream."""
    make(folder)
    if stream:
        with (folder / "limner.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'\n[stores]\nstream = "{stream}"\n')
    return open_stores(folder, settings_of(folder, {}))


def put_identifiers(stores, records, *, happened_at=NOW - timedelta(days=400), load=1):
    """Records of (kind, raw) pairs that stood together; the trace of each identifier in order of first sight."""
    known = known_traces(stores)
    traces, rows = [], []
    for record in records:
        here = []
        for kind, raw in record:
            hashed = identifier_hash(stores.hash_key, kind, raw)
            if (kind, hashed) not in known:
                known[kind, hashed] = len(known) + 1
                traces.append({"kind": kind, "hash": hashed, "trace": known[kind, hashed], "happened_at": happened_at})
            here.append((kind, hashed, known[kind, hashed]))
        for kind, hashed, trace in here:
            rows.append(
                {
                    "trace": trace, "kind": kind, "hash": hashed, "with_trace": here[0][2],
                    "strength": identifier_kind(kind).strength, "happened_at": happened_at, "source": "test",
                }
            )  # fmt: skip
    batch = f"test:{len(known)}:{happened_at}:{load}"
    if traces:
        stores.lake.append("traces", batch, _table(traces, {"trace": pa.int32()}), load=load)
    stores.lake.append("identifiers", batch, _table(rows, {"trace": pa.int32(), "with_trace": pa.int32()}), load=load)
    return {kind_hash: trace for kind_hash, trace in known.items()}


def known_traces(stores):
    """(kind, hash) → trace."""
    import sqlglot

    rows = stores.lake.table(sqlglot.parse_one("SELECT kind, hash, trace FROM traces")).to_pylist()
    return {(row["kind"], row["hash"]): row["trace"] for row in rows}


def put_consent(stores, trace, channel, is_granted, *, happened_at=NOW - timedelta(days=100), **more):
    """One consent row."""
    with stores.ledger.write() as connection:
        row = {
            "seq": stores.ledger.take(connection, "consent"), "load": 1, "source": "test", "kind": "member_no",
            "hash": bytes(16), "trace": trace, "channel": channel, "purpose": "marketing", "is_granted": is_granted,
            "happened_at": happened_at, "received_at": happened_at, "proof": "",
        } | more  # fmt: skip
        connection.execute(insert(consents).values(**row))
    return row["seq"]


def _table(rows, types):
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
    return table
