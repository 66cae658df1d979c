"""Where the reading of a database ended."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table of cursors."""
    op.create_table(
        "cursors",
        sa.Column("load", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("cursor_name", sa.String(length=200), nullable=False),
        sa.Column("high", sa.Text(), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("load"),
    )
    op.create_index("cursors_by_source", "cursors", ["source"], unique=False)
