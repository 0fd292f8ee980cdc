"""The first schema: tenants, artworks, datasets, checkpoints, styles, jobs, lineage; each row has its tenant."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

# Every table here holds tenants' rows: row-level security is forced, for the owner as well.
TENANT_TABLES = {
    "tenants": "SELECT",
    "api_keys": "SELECT, INSERT, UPDATE",
    "artifacts": "SELECT, INSERT, UPDATE",
    "artworks": "SELECT, INSERT",
    "artwork_features": "SELECT",
    "datasets": "SELECT",
    "dataset_versions": "SELECT",
    "checkpoints": "SELECT",
    "evaluations": "SELECT",
    "styles": "SELECT, INSERT",
    "jobs": "SELECT, INSERT, UPDATE",
    "job_events": "SELECT, INSERT",
    "lineage_edges": "SELECT",
    "outbox": "INSERT, SELECT, DELETE",
}


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for table, rights in TENANT_TABLES.items():
        column = "id" if table == "tenants" else "tenant_id"
        mine = f"{column} = current_setting('app.tenant_id', true)"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} TO impasto_api USING ({mine}) WITH CHECK ({mine})")
        op.execute(f"CREATE POLICY engine ON {table} TO impasto_engine USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {rights} ON {table} TO impasto_api")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO impasto_engine")
    # A request knows its key before it knows its tenant: that one row may be read by its id.
    op.execute(
        "CREATE POLICY own_key ON api_keys FOR SELECT TO impasto_api USING (id = current_setting('app.key_id', true))"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON workers TO impasto_engine")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO impasto_api, impasto_engine")
