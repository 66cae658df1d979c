"""The first tables of the ledger."""

import sqlalchemy as sa
from alembic import op

from limner.store.ledger import columns

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "assignments",
        sa.Column("experiment", sa.String(length=120), nullable=False),
        sa.Column("arm", sa.String(length=20), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("assigned_at", columns.Instant(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("experiment", "arm", "batch"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("happened_at", columns.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("verb", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "batches",
        sa.Column("table_name", sa.String(length=80), nullable=False),
        sa.Column("batch_id", sa.String(length=200), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "batch_id"),
    )
    op.create_table(
        "consents",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("trace", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=80), nullable=False),
        sa.Column("purpose", sa.String(length=80), nullable=False),
        sa.Column("is_granted", sa.Boolean(), nullable=False),
        sa.Column("happened_at", columns.Instant(), nullable=False),
        sa.Column("received_at", columns.Instant(), nullable=False),
        sa.Column("until_at", columns.Instant(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=True),
        sa.Column("proof", sa.Text(), server_default="", nullable=False),
        sa.Column("withdrawn_at", columns.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("consents_by_load", "consents", ["load"], unique=False)
    op.create_index("consents_by_trace", "consents", ["trace"], unique=False)
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("upcoming", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "definitions",
        sa.Column("folder", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", columns.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("folder", "id", "version"),
    )
    op.create_table(
        "files",
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("table_name", sa.String(length=80), nullable=False),
        sa.Column("part", sa.String(length=80), server_default="", nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.String(length=200), nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.String(length=80), server_default="", nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("min_happened_at", columns.Instant(), nullable=True),
        sa.Column("max_happened_at", columns.Instant(), nullable=True),
        sa.Column("seq_in", sa.BigInteger(), nullable=False),
        sa.Column("seq_out", sa.BigInteger(), nullable=True),
        sa.Column("dropped_at", columns.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("file_id"),
    )
    op.create_index("files_by_load", "files", ["load"], unique=False)
    op.create_index("files_live", "files", ["seq_out", "table_name"], unique=False)
    op.create_table(
        "heads",
        sa.Column("folder", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=12), nullable=True),
        sa.Column("base", sa.String(length=12), nullable=True),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("folder", "id"),
    )
    op.create_table(
        "jobs",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress", sa.Text(), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.create_table(
        "leases",
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("role"),
    )
    op.create_table(
        "loads",
        sa.Column("load", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("mapping_version", sa.String(length=12), server_default="", nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("counts", sa.Text(), server_default="{}", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", columns.Instant(), nullable=False),
        sa.Column("ended_at", columns.Instant(), nullable=True),
        sa.Column("replaces", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", columns.Instant(), nullable=True),
        sa.Column("actor", sa.String(length=120), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("load"),
    )
    op.create_index("loads_by_content", "loads", ["source", "content_hash"], unique=False)
    op.create_table(
        "merges",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Integer(), nullable=False),
        sa.Column("happened_at", columns.Instant(), nullable=False),
        sa.Column("asof", columns.Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "decision", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("trace", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=80), nullable=False),
        sa.Column("offer", sa.String(length=80), nullable=False),
        sa.Column("message_class", sa.String(length=20), nullable=False),
        sa.Column("purpose", sa.String(length=80), nullable=False),
        sa.Column("message_key", sa.String(length=64), nullable=False),
        sa.Column("moment", columns.Instant(), nullable=False),
        sa.Column("latest_at", columns.Instant(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", columns.Instant(), nullable=False),
        sa.Column("is_uncertain", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("parameters", sa.Text(), server_default="{}", nullable=False),
        sa.Column("cost", columns.Money(), nullable=False),
        sa.Column("consent_seq", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=80), server_default="", nullable=False),
        sa.Column("changed_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("decision"),
        sa.UniqueConstraint("message_key"),
    )
    op.create_index("outbox_by_consent", "outbox", ["consent_seq"], unique=False)
    op.create_index("outbox_by_number", "outbox", ["number", "moment"], unique=False)
    op.create_index("outbox_by_plan", "outbox", ["plan_id", "state"], unique=False)
    op.create_index("outbox_due", "outbox", ["state", "channel", "next_try_at"], unique=False)
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("campaign_version", sa.String(length=12), nullable=False),
        sa.Column("experiment", sa.String(length=120), nullable=False),
        sa.Column("made_at", columns.Instant(), nullable=False),
        sa.Column("asof", columns.Instant(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("launched_at", columns.Instant(), nullable=True),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("plan_id"),
    )
    op.create_table(
        "tombstones",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("happened_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "hash"),
    )
    op.create_table(
        "touches",
        sa.Column(
            "touch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("message_key", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("trace", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=80), nullable=False),
        sa.Column("offer", sa.String(length=80), nullable=False),
        sa.Column("message_class", sa.String(length=20), nullable=False),
        sa.Column("handed_over_at", columns.Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("is_uncertain", sa.Boolean(), nullable=False),
        sa.Column("cost", columns.Money(), nullable=False),
        sa.PrimaryKeyConstraint("touch_id"),
        sa.UniqueConstraint("message_key"),
    )
    op.create_index("touches_by_number", "touches", ["number", "handed_over_at"], unique=False)
    op.create_index("touches_by_plan", "touches", ["plan_id"], unique=False)
    op.create_table(
        "views",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("asof", columns.Instant(), nullable=True),
        sa.Column("catalog_seq", sa.BigInteger(), nullable=False),
        sa.Column("published_at", columns.Instant(), nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("name", "version"),
    )
