"""The order of a tenant's events, the logs of jobs, and the history from which waiting is estimated."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
