"""What is kept of audiences: the members of frozen ones, and who came and left."""

import sqlalchemy as sa
from alembic import op

from limner.store.ledger import columns

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "frozen_sets",
        sa.Column("audience", sa.String(length=80), nullable=False),
        sa.Column("mark", sa.String(length=12), nullable=False),
        sa.Column("asof", columns.Instant(), nullable=False),
        sa.Column("frozen_at", columns.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("audience"),
    )
    op.create_table(
        "refreshes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("audience", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("asof", columns.Instant(), nullable=False),
        sa.Column("refreshed_at", columns.Instant(), nullable=False),
        sa.Column("mark", sa.String(length=12), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=True),
        sa.Column("came_size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("went_size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gone_size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("came", sa.LargeBinary(), nullable=True),
        sa.Column("went", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("refreshes_by_audience", "refreshes", ["audience", "asof", "seq"])
