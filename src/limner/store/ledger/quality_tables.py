"""The tables of data quality: what checks found, what loads looked like, and the troubles that are open."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from limner.store.ledger.columns import Instant
from limner.store.ledger.metadata import id_column, metadata

check_results = Table(
    "check_results",
    metadata,
    id_column("seq"),
    Column("load", BigInteger, nullable=False),
    Column("source", String(80), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("origin", String(12), nullable=False),
    Column("level", String(8), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("value", Text, nullable=False, server_default=""),
    Column("bound", Text, nullable=False, server_default=""),
    Column("bad", BigInteger),
    Column("rows", BigInteger),
    Column("verdict", String(12), nullable=False),
    Column("happened_at", Instant, nullable=False),
    Index("check_results_by_load", "load"),
    Index("check_results_by_source", "source", "seq"),
)
"""One row per check and load, written in the transaction that shows or holds the load. Verdicts: passed, failed,
unknown."""

figures = Table(
    "figures",
    metadata,
    Column("load", BigInteger, primary_key=True, autoincrement=False),
    Column("part", String(80), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("body", Text, nullable=False),
    Index("figures_by_source", "source"),
)
"""What a load looked like, by table of the lake, and as a file (part `file`): what later loads are compared with."""

alerts = Table(
    "alerts",
    metadata,
    id_column("alert"),
    Column("alert_key", String(300), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("level", String(8), nullable=False),
    Column("source", String(80), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("load", BigInteger),
    Column("value", Text, nullable=False, server_default=""),
    Column("bound", Text, nullable=False, server_default=""),
    Column("times", Integer, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Index("alerts_open", "closed_at", "alert_key"),
)
"""One row per trouble from its first sight until it is over; seen again, it is the same row."""
