"""The tables that keep sets of customers: roaring bitmaps of numbers, which an erasure takes its person out of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from limner.store.ledger.columns import Instant
from limner.store.ledger.metadata import id_column, metadata

frozen_sets = Table(
    "frozen_sets",
    metadata,
    Column("audience", String(80), primary_key=True),
    Column("mark", String(12), nullable=False),
    Column("asof", Instant, nullable=False),
    Column("frozen_at", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("members", LargeBinary, nullable=False),
)
"""The members of frozen audiences, by the numbers they had when they were taken; `mark` is what they were taken by."""

refreshes = Table(
    "refreshes",
    metadata,
    id_column("seq"),
    Column("audience", String(80), nullable=False),
    Column("version", String(80), nullable=False),
    Column("asof", Instant, nullable=False),
    Column("refreshed_at", Instant, nullable=False),
    Column("mark", String(12), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("before", BigInteger),
    Column("came_size", BigInteger, nullable=False, server_default="0"),
    Column("went_size", BigInteger, nullable=False, server_default="0"),
    Column("gone_size", BigInteger, nullable=False, server_default="0"),
    Column("came", LargeBinary),
    Column("went", LargeBinary),
    Index("refreshes_by_audience", "audience", "asof", "seq"),
)
"""One row per audience and published version: who came and who went since the refresh `before` it (by asof)."""
