"""The order of a tenant's events, the logs of jobs, and the history from which waiting is estimated."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    mine = "tenant_id = current_setting('app.tenant_id', true)"
    op.execute("ALTER TABLE job_logs ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE job_logs FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON job_logs TO impasto_api USING ({mine}) WITH CHECK ({mine})")
    op.execute("CREATE POLICY engine ON job_logs TO impasto_engine USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON job_logs TO impasto_api")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON job_logs TO impasto_engine")
