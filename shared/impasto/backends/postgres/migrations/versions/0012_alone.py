"""Jobs that are drawn with no other beside them: memory did not suffice for several."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # A constant default is no rewrite of the table.
    op.execute("ALTER TABLE jobs ADD COLUMN alone boolean NOT NULL DEFAULT false")
