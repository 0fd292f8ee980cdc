"""The planner takes a new table for empty until somebody analyses it: the reconciler does, and soon."""

from __future__ import annotations

import psycopg

from impasto.backends.bells import Bells
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.pools import engine_pool
from impasto.settings import Settings
from impasto.testing.processes import eventually
from impasto_reconciler.sweeps import Sweeper

_JOBS = """
INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, run_limit_s)
SELECT 'job_' || number, 'tnt_a', 'test.stamp', 'test', 'pool', '{}', 60 FROM generate_series(1, 2000) AS number
"""
# As PostgreSQL asks for each row that refers to a job.
_REFERRED = "EXPLAIN SELECT 1 FROM ONLY jobs x WHERE tenant_id = 'tnt_a' AND id = 'job_7' FOR KEY SHARE OF x"


def test_once_there_are_jobs_references_to_them_are_checked_by_the_index_made_for_it(settings: Settings) -> None:
    with (
        engine_pool(settings.engine_database_url) as pool,
        psycopg.connect(settings.engine_database_url, autocommit=True) as connection,
    ):
        sweeper = Sweeper(pool, Bells(settings.redis_url), S3Objects(settings), grace_s=0)
        sweeper.sweep()
        assert "jobs_tenant_id_id_key" not in _plan(connection), "an empty table is no reason"
        connection.execute("INSERT INTO tenants (id, name) VALUES ('tnt_a', 'a')")
        connection.execute(_JOBS)

        def planned() -> bool:
            # What was written is told to the statistics when its session rests.
            sweeper.sweep()
            return "jobs_tenant_id_id_key" in _plan(connection)

        eventually(planned, "the check of references takes the right index")


def _plan(connection: psycopg.Connection[tuple[str]]) -> str:
    return " ".join(row[0] for row in connection.execute(_REFERRED).fetchall())
