"""Schedules know the trace of the request that made them; each of their jobs begins one that is linked to it."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE schedules ADD COLUMN traceparent text")
