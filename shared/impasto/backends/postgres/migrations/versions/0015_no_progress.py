"""How long a job's computation may tell no progress, where another time was asked for than its kind allows."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    # Without a default there is nothing to write: each is a change of the catalogue alone. The version that runs
    # beside this one leaves both columns empty, and whoever reads them then takes the kind's time.
    op.execute("ALTER TABLE jobs ADD COLUMN no_progress_s double precision")
    op.execute("ALTER TABLE pipeline_steps ADD COLUMN no_progress_s double precision")
