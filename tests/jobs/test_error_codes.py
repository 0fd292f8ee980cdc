"""A job's error code has a column of its own, for the jobs that had failed before there was one too."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from impasto.backends.postgres import migrate
from impasto.testing.servers import Servers

_OWNER = "owner_of_older_jobs"


def _at(url: str, user: str | None = None) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:pw@{place}" if user else parts.netloc, path=f"/{_OWNER}"))


def _upgrade(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()


def test_codes_of_jobs_that_failed_before_are_found_by_an_owner_who_is_no_superuser(servers: Servers) -> None:
    failed = """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, run_limit_s, state, finished_at, error)
                VALUES (%s, 'tnt_a', 'k', 'q', 'pool', '{}', 60, 'failed', now(), '{"code": "worker_lost"}')"""
    with psycopg.connect(servers.admin_url, autocommit=True) as superuser:
        superuser.execute(f"CREATE ROLE {_OWNER} LOGIN PASSWORD 'pw' NOSUPERUSER")
        superuser.execute(f"CREATE DATABASE {_OWNER} OWNER {_OWNER}")
        try:
            owner = _at(servers.admin_url, _OWNER)
            _upgrade(owner, "0006")
            with psycopg.connect(_at(servers.admin_url)) as inside:
                inside.execute("INSERT INTO tenants (id, name) VALUES ('tnt_a', 'a')")
                inside.execute(failed, ["job_before"])
            _upgrade(owner, "head")
            with psycopg.connect(_at(servers.admin_url)) as inside:
                inside.execute(failed, ["job_after"])
                found = inside.execute("SELECT id FROM jobs WHERE error_code = 'worker_lost' ORDER BY id").fetchall()
            with psycopg.connect(owner) as bound, pytest.raises(psycopg.errors.InsufficientPrivilege):
                bound.execute(failed, ["job_forced"])
        finally:
            superuser.execute(f"DROP DATABASE {_OWNER} WITH (FORCE)")
            superuser.execute(f"DROP ROLE {_OWNER}")
    assert found == [("job_after",), ("job_before",)]
