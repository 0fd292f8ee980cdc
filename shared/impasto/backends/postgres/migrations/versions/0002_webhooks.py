"""Webhooks: where to send, what happened, and each attempt to send it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

TENANT_TABLES = {
    "webhook_endpoints": "SELECT, INSERT, UPDATE",
    "webhook_events": "SELECT, INSERT",
    "webhook_deliveries": "SELECT, INSERT, UPDATE",
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
