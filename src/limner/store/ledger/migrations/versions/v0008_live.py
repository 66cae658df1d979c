"""Live intake: keys to write with, and what is being drained."""

import sqlalchemy as sa
from alembic import op

from limner.store.ledger import columns

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "drains",
        sa.Column("drain", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("began_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("drain"),
    )
    op.create_table(
        "write_keys",
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("ends_in", sa.String(length=8), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", columns.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("revoked_at", columns.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key_hash"),
    )
