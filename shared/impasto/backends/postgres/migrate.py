"""Creates the two roles and runs the migrations: `python -m impasto.backends.postgres.migrate`."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

ROLES = ("impasto_api", "impasto_engine")

# Whoever waits for a table makes everybody wait who comes after: a migration steps back and tries again.
_WAITS_S: Final = 2.0
_PAUSE_S: Final = 0.5
_PATIENCE_S: Final = 600.0


def migrate(admin_url: str, passwords: dict[str, str] | None = None) -> None:
    """Brings the database at `admin_url` to the newest schema; safe to run again and from several hosts at once.

    `passwords` are set on the roles that it names. The platform may run meanwhile: a migration that does not get its
    tables within two seconds lets others pass and tries again, for ten minutes.

    Raises:
        sqlalchemy.exc.OperationalError: somebody kept a table for so long.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        # One migrator at a time: replicas that start together wait for the first. The lock is the session's.
        connection.execute("SELECT pg_advisory_lock(7268142)")
        _create_roles(connection, passwords or {})
        _upgrade(admin_url)


def make_roles(admin_url: str, passwords: dict[str, str]) -> None:
    """Creates the two roles if they are missing; `passwords` are set on those that it names."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(7268142)")
        _create_roles(connection, passwords)


def known_migrations() -> set[str]:
    """Every migration that this version has."""
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _create_roles(connection: psycopg.Connection, passwords: dict[str, str]) -> None:
    for role in ROLES:
        name = sql.Identifier(role)
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        if password := passwords.get(role):
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))


def _upgrade(admin_url: str) -> None:
    engine = create_engine(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", admin_url))
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{_WAITS_S:g}s'")
        connection.commit()
        deadline = time.monotonic() + _PATIENCE_S
        while not _upgraded(connection, last=time.monotonic() > deadline):
            time.sleep(_PAUSE_S)
    engine.dispose()


def _upgraded(connection: Connection, *, last: bool) -> bool:
    """Whether it is at the newest schema now. If somebody was in the way, each migration before that one is done."""
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
        connection.commit()
    except OperationalError as error:
        if last or not isinstance(error.orig, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
            raise
        connection.rollback()
        return False
    return True


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def main() -> None:
    """Reads the owner's address and the roles' passwords from the environment."""
    admin_url = os.environ.get("IMPASTO_ADMIN_DATABASE_URL", "")
    if not admin_url:
        sys.exit("IMPASTO_ADMIN_DATABASE_URL is not set: the address of the database's owner")
    variables = {"impasto_api": "IMPASTO_API_ROLE_PASSWORD", "impasto_engine": "IMPASTO_ENGINE_ROLE_PASSWORD"}
    migrate(admin_url, {role: os.environ.get(variable, "") for role, variable in variables.items()})


if __name__ == "__main__":
    main()
