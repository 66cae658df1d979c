"""What was published and retired of tags."""

import sqlalchemy as sa
from alembic import op

from limner.store.ledger import columns

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "tag_acts",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("happened_at", columns.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("undone_at", columns.Instant(), nullable=True),
        sa.Column("undone_by", sa.String(length=120), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("tag_acts_by_tag", "tag_acts", ["tag", "seq"])
