"""Pairs that matchers on traits propose."""

import sqlalchemy as sa
from alembic import op

from limner.store.ledger import columns

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of proposals."""
    op.create_table(
        "proposals",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("matching", sa.String(length=80), nullable=False),
        sa.Column("matcher", sa.String(length=40), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("evidence", sa.Text(), server_default="{}", nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asof", columns.Instant(), nullable=False),
        sa.Column("proposed_at", columns.Instant(), nullable=False),
        sa.Column("decided_at", columns.Instant(), nullable=True),
        sa.Column("actor", sa.String(length=120), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("proposals_by_pair", "proposals", ["low", "high"], unique=True)
    op.create_index("proposals_by_state", "proposals", ["state", "probability"], unique=False)
