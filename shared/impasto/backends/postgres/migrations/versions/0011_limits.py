"""Limits of tenants, schedules, and what retention has to know."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"

TENANT_TABLES = {
    "tenant_days": "SELECT",
    # Written by the trigger on artifacts, as whoever writes those.
    "tenant_storage": "SELECT, INSERT, UPDATE",
    "request_rates": "SELECT, INSERT, UPDATE",
    "schedules": "SELECT, INSERT, UPDATE, DELETE",
    "schedule_runs": "SELECT",
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
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON walks TO impasto_engine")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO impasto_api, impasto_engine")
