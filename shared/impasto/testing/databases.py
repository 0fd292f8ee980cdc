"""A database per test, cloned from one that was migrated once."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from impasto.backends.postgres.migrate import migrate

_PASSWORDS: Final = {"impasto_api": "api", "impasto_engine": "engine"}
_TEMPLATE: Final = f"template_{os.getpid()}"
_NUMBERS: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database under its three roles."""

    admin: str
    api: str
    engine: str


def make_template(admin_url: str) -> None:
    """Creates and migrates the database that tests' databases are cloned from."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    migrate(_with(admin_url, database=_TEMPLATE), _PASSWORDS)


def migrated_database(admin_url: str) -> DatabaseUrls:
    """The database of that address itself, migrated; it goes with its server."""
    migrate(admin_url, _PASSWORDS)
    return _urls(admin_url)


@contextmanager
def cloned_database(admin_url: str) -> Iterator[DatabaseUrls]:
    """A fresh database, removed afterwards even if somebody is still connected."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(_TEMPLATE)
            )
        )
        try:
            yield _urls(_with(admin_url, database=name))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _urls(admin: str) -> DatabaseUrls:
    return DatabaseUrls(admin, *(_with(admin, user=role, password=password) for role, password in _PASSWORDS.items()))


def _with(url: str, *, database: str | None = None, user: str | None = None, password: str | None = None) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    who = f"{user}:{password}" if user else parts.netloc.rpartition("@")[0]
    return urlunsplit(
        parts._replace(netloc=f"{who}@{place}" if who else place, path=f"/{database}" if database else parts.path)
    )
