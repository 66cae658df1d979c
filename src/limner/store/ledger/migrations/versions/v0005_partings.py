"""What was merged out of what, what an operator has set apart, and what links were made of."""

import sqlalchemy as sa
from alembic import op

from limner.store.ledger import columns

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Two new tables, and what each side of a merge was before."""
    op.add_column("merges", sa.Column("kept_traces", sa.Text(), server_default="[]", nullable=False))
    op.add_column("merges", sa.Column("retired_traces", sa.Text(), server_default="[]", nullable=False))
    op.add_column("merges", sa.Column("revived_at", columns.Instant(), nullable=True))
    op.create_table(
        "partings",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("merge", sa.BigInteger(), nullable=True),
        sa.Column("apart", sa.Text(), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("happened_at", columns.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("undone_at", columns.Instant(), nullable=True),
        sa.Column("undone_by", sa.String(length=120), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "resolves",
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("asof", columns.Instant(), nullable=False),
        sa.Column("basis", sa.String(length=12), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("partings", sa.Text(), nullable=False),
        sa.Column("accepted", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
