"""What was last seen of a file, where a load's file lay, and why a load failed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of marks and the two columns of loads."""
    op.create_table(
        "marks",
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("mark", sa.String(length=200), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("mapping_version", sa.String(length=12), server_default="", nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("source", "place"),
    )
    op.add_column("loads", sa.Column("place", sa.Text(), server_default="", nullable=False))
    op.add_column("loads", sa.Column("why", sa.Text(), server_default="", nullable=False))
