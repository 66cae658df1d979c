"""Touches are found by the identifier they went to."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the index."""
    op.create_index("outbox_by_trace", "outbox", ["trace", "moment"])
