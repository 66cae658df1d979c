"""Loads that are held, results of their checks, what they looked like, and alerts."""

import sqlalchemy as sa
from alembic import op

from limner.store.ledger import columns

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column and the tables."""
    op.add_column("loads", sa.Column("is_hidden", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("loads", sa.Column("older", sa.Text(), server_default="[]", nullable=False))
    op.create_index("loads_hidden", "loads", ["is_hidden"], unique=False)
    op.create_table(
        "check_results",
        sa.Column("seq", _ID, autoincrement=False, nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.Column("bound", sa.Text(), server_default="", nullable=False),
        sa.Column("bad", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("happened_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("check_results_by_load", "check_results", ["load"], unique=False)
    op.create_index("check_results_by_source", "check_results", ["source", "seq"], unique=False)
    op.create_table(
        "figures",
        sa.Column("load", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("load", "part"),
    )
    op.create_index("figures_by_source", "figures", ["source"], unique=False)
    op.create_table(
        "alerts",
        sa.Column("alert", _ID, autoincrement=False, nullable=False),
        sa.Column("alert_key", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.Column("bound", sa.Text(), server_default="", nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("opened_at", columns.Instant(), nullable=False),
        sa.Column("seen_at", columns.Instant(), nullable=False),
        sa.Column("closed_at", columns.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("alert"),
    )
    op.create_index("alerts_open", "alerts", ["closed_at", "alert_key"], unique=False)
