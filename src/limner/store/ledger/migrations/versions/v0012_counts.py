"""How many customers a version of the links has."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the counts, and forget what links were made of: the next are made anew, and counted."""
    op.add_column("resolves", sa.Column("counts", sa.Text(), server_default="[0, 0, 0]", nullable=False))
    op.execute(sa.delete(sa.table("resolves")))
