"""The tables of the life of tags: who published, retired or took back what, and when."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from limner.store.ledger.columns import Instant
from limner.store.ledger.metadata import id_column, metadata

tag_acts = Table(
    "tag_acts",
    metadata,
    id_column("seq"),
    Column("tag", String(80), nullable=False),
    Column("state", String(12), nullable=False),
    Column("version", String(12), nullable=False),
    Column("body", Text, nullable=False),
    Column("happened_at", Instant, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("undone_at", Instant),
    Column("undone_by", String(120), nullable=False, server_default=""),
    Index("tag_acts_by_tag", "tag", "seq"),
)
"""One row per act, of the state published or retired: the version of the tag it speaks of, and what that version said.
The latest act that is not undone counts."""
