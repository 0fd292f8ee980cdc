"""Pipelines: jobs that feed one another, each step's row moved by the job it belongs to."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"

TENANT_TABLES = {
    "pipelines": "SELECT, INSERT, UPDATE",
    "pipeline_steps": "SELECT, INSERT, UPDATE",
    "pipeline_events": "SELECT, INSERT",
}


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for table, rights in TENANT_TABLES.items():
        mine = "tenant_id = current_setting('app.tenant_id', true)"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO impasto_api USING ({mine}) WITH CHECK ({mine})")
        op.execute(f"CREATE POLICY engine ON {table} TO impasto_engine USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {rights} ON {table} TO impasto_api")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO impasto_engine")
