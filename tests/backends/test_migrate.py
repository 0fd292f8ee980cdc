"""Migrations beside a platform that runs: they wait for nobody so long that others have to wait for them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine

from impasto.backends.postgres.migrate import _config, known_migrations, migrate
from impasto.testing.processes import eventually
from impasto.testing.servers import Servers

_WAITS = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def older(servers: Servers) -> Iterator[str]:
    """A database as migration 0014 left it; 0015 needs the table of jobs for itself."""
    name = f"older_{uuid.uuid4().hex}"
    url = urlsplit(servers.admin_url)._replace(path=f"/{name}").geturl()
    with psycopg.connect(servers.admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        engine, config = create_engine(url.replace("postgresql://", "postgresql+psycopg://")), _config()
        with engine.connect() as its:
            config.attributes["connection"] = its
            command.upgrade(config, "0014")
            its.commit()
        engine.dispose()
        yield url
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_whoever_comes_after_a_migration_that_waits_is_served(older: str) -> None:
    with psycopg.connect(older) as holder, psycopg.connect(older, autocommit=True) as other:
        other.execute("SET statement_timeout = '10s'")
        holder.execute("SELECT FROM jobs")
        migrating = threading.Thread(target=migrate, args=(older,))
        migrating.start()
        for _ in range(3):
            eventually(lambda: other.execute(_WAITS).fetchall(), "the migration waits for the table")
            other.execute("SELECT FROM jobs")
        assert other.execute("SELECT version_num FROM alembic_version").fetchone() == ("0014",)
        holder.rollback()
        migrating.join(60)
        assert other.execute("SELECT version_num FROM alembic_version").fetchone() == (max(known_migrations()),)
