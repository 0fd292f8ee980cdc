"""The database's functions for operators: what role impasto_api may learn by them, and whoever owns the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from impasto.backends.postgres.migrate import migrate
from impasto.backends.postgres.queue import PostgresQueue
from impasto.testing.databases import DatabaseUrls
from impasto.testing.servers import Servers

_NAME = "owned_by_no_superuser"


def test_role_api_learns_sums_and_nothing_of_a_single_job(database: DatabaseUrls, add_job: Callable[..., str]) -> None:
    for _ in range(3):
        add_job()
    with psycopg.connect(database.api) as api:
        row = api.execute("SELECT queue, kind, state, jobs FROM open_jobs()").fetchall()
        assert row == [("test", "test.stamp", "queued", 3)]
        assert api.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("SELECT * FROM workers")


def test_role_api_sees_workers_as_they_told(database: DatabaseUrls, queue_of: Callable[..., PostgresQueue]) -> None:
    queue_of().register(host="attic", pid=1, device="cpu", slots=2, kinds=["b", "a"], memory_bytes=7)
    with psycopg.connect(database.api) as api:
        row = api.execute("SELECT name, host, queues, kinds, memory_bytes, running FROM known_workers()").fetchone()
    assert row == ("w", "attic", ["test"], ["a", "b"], 7, 0)


def test_nobody_else_may_ask(database: DatabaseUrls) -> None:
    with psycopg.connect(database.admin) as connection:
        for function in ("open_jobs()", "known_workers()"):
            found = connection.execute("SELECT has_function_privilege('public', %s, 'EXECUTE')", [function]).fetchone()
            assert found == (False,), function


def _at(url: str, *, database: str, user: str | None = None) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:pw@{place}" if user else parts.netloc, path=f"/{database}"))


@pytest.fixture
def owned(servers: Servers) -> Iterator[str]:
    """A database migrated by an owner who is no superuser; the owner's address."""
    with psycopg.connect(servers.admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {_NAME} LOGIN PASSWORD 'pw' NOSUPERUSER")
        connection.execute(f"CREATE DATABASE {_NAME} OWNER {_NAME}")
        try:
            url = _at(servers.admin_url, database=_NAME, user=_NAME)
            migrate(url)
            yield url
        finally:
            connection.execute(f"DROP DATABASE {_NAME} WITH (FORCE)")
            connection.execute(f"DROP ROLE {_NAME}")


def test_an_owner_who_is_no_superuser_counts_all_tenants_and_still_sees_no_row(servers: Servers, owned: str) -> None:
    with psycopg.connect(_at(servers.admin_url, database=_NAME)) as superuser:
        superuser.execute("INSERT INTO tenants (id, name) VALUES ('tnt_a', 'a'), ('tnt_b', 'b')")
        superuser.execute(
            """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, run_limit_s)
               VALUES ('job_a', 'tnt_a', 'k', 'q', 'pool', '{}', 60), ('job_b', 'tnt_b', 'k', 'q', 'pool', '{}', 60)"""
        )
    with psycopg.connect(owned) as owner:
        assert owner.execute("SELECT jobs FROM open_jobs()").fetchall() == [(2,)]
        assert owner.execute("SELECT count(*) FROM jobs").fetchone() == (0,), "row-level security is forced"
