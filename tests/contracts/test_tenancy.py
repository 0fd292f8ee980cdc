"""Tenancy is the database's own: every table has a policy, and the policies hold for the roles."""

from __future__ import annotations

import psycopg
import pytest

from impasto.testing.databases import DatabaseUrls

# Of the platform, not of a tenant; role impasto_api has no right on them.
_PLATFORM_TABLES = {"workers", "walks", "alembic_version"}


def test_every_table_has_forced_row_level_security_and_a_policy_for_each_role(database: DatabaseUrls) -> None:
    with psycopg.connect(database.admin) as connection:
        tables = connection.execute(
            """SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                      (SELECT array_agg(DISTINCT r.rolname ORDER BY r.rolname) FROM pg_policy p
                       JOIN pg_roles r ON r.oid = ANY(p.polroles) WHERE p.polrelid = c.oid)
               FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"""
        ).fetchall()
        assert len(tables) > 10
        for name, forced, roles in tables:
            if name in _PLATFORM_TABLES:
                has = connection.execute(
                    "SELECT has_table_privilege('impasto_api', %s, 'SELECT, INSERT, UPDATE, DELETE')", [name]
                ).fetchone()
                assert has == (False,), name
            else:
                assert forced, f"{name} has no forced row-level security"
                assert {"impasto_api", "impasto_engine"} <= set(roles or []), f"{name} lacks a policy"


def test_every_table_of_a_tenant_has_its_column(database: DatabaseUrls) -> None:
    with psycopg.connect(database.admin) as connection:
        without = connection.execute(
            """SELECT t.table_name FROM information_schema.tables t
               WHERE t.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND NOT EXISTS (
                   SELECT 1 FROM information_schema.columns c
                   WHERE c.table_name = t.table_name AND c.column_name = 'tenant_id')"""
        ).fetchall()
    assert {name for (name,) in without} == _PLATFORM_TABLES | {"tenants"}


def test_without_a_tenant_the_api_role_sees_and_writes_nothing(database: DatabaseUrls) -> None:
    with psycopg.connect(database.engine) as engine:
        engine.execute("INSERT INTO tenants (id, name) VALUES ('tnt_a', 'a'), ('tnt_b', 'b')")
        engine.execute(
            "INSERT INTO styles (id, tenant_id, name, version, parameters) VALUES ('s', 'tnt_a', 's', 1, '{}')"
        )
    with psycopg.connect(database.api) as api:
        assert api.execute("SELECT count(*) FROM styles").fetchone() == (0,)
        api.execute("SELECT set_config('app.tenant_id', 'tnt_b', true)")
        assert api.execute("SELECT count(*) FROM styles").fetchone() == (0,)
        assert api.execute("SELECT id FROM tenants").fetchall() == [("tnt_b",)]
        api.execute("SELECT set_config('app.tenant_id', 'tnt_a', true)")
        assert api.execute("SELECT count(*) FROM styles").fetchone() == (1,)
        api.execute("SELECT set_config('app.tenant_id', 'tnt_b', true)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute(
                "INSERT INTO styles (id, tenant_id, name, version, parameters) VALUES ('t', 'tnt_a', 't', 1, '{}')"
            )


def test_the_schema_migrates_twice_without_harm(database: DatabaseUrls) -> None:
    from impasto.backends.postgres.migrate import migrate

    migrate(database.admin)
    with psycopg.connect(database.admin) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0017",)]
