"""What decides which job is next: lanes of what waits, shares of tenants, checkpoints at hand."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    mine = "tenant_id = current_setting('app.tenant_id', true)"
    op.execute("ALTER TABLE tenant_shares ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE tenant_shares FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON tenant_shares TO impasto_api USING ({mine}) WITH CHECK ({mine})")
    op.execute("CREATE POLICY engine ON tenant_shares TO impasto_engine USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON tenant_shares TO impasto_api")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_shares TO impasto_engine")
