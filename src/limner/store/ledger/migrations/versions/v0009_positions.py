"""Kafka: how far each partition of the stream's topic is drained."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "positions",
        sa.Column("part", sa.String(length=300), nullable=False),
        sa.Column("upcoming", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("part"),
    )
