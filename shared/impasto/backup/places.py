"""Where a platform's database and bucket are: the embedded ones, started if they are down, or those of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from impasto.embedded import commanding
from impasto.embedded.credentials import Credentials
from impasto.embedded.environment import database_urls, service_environment
from impasto.embedded.layout import Layout
from impasto.errors import Conflict, Unavailable
from impasto.settings import Settings

ROLE_VARIABLES: Final = {
    "impasto_api": "IMPASTO_API_ROLE_PASSWORD",
    "impasto_engine": "IMPASTO_ENGINE_ROLE_PASSWORD",
}
_READY_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Place:
    """The database as its owner, the settings of the rest, and passwords that the two roles are to have."""

    admin_url: str
    settings: Settings
    role_passwords: dict[str, str]
    environment: Mapping[str, str]


@contextmanager
def opened(layout: Layout, port: int, environment: Mapping[str, str], *, down: bool) -> Iterator[Place]:
    """The platform, with servers that answer. `down`: its own parts must not run.

    Given addresses of the database's owner (IMPASTO_ADMIN_DATABASE_URL) and of the store are taken as they are.
    Otherwise it is the embedded platform in the data folder; if that is down its servers run as long as this does.

    Raises:
        Conflict: the embedded platform runs, and must not.
        Unavailable: there is no platform to save, or a server cannot be started.
    """
    if environment.get("IMPASTO_ADMIN_DATABASE_URL") and environment.get("IMPASTO_S3_ENDPOINT"):
        yield _given(environment)
        return
    running = commanding.running(layout)
    if running and down:
        raise Conflict("platform_running", f"the platform in {layout.data} runs", hint="impasto down, then try again")
    if not down and not layout.credentials.exists():
        raise Unavailable(
            "platform_unreachable",
            f"there is no platform in {layout.data}",
            hint="--data names its folder; for servers of yours set IMPASTO_ADMIN_DATABASE_URL and IMPASTO_S3_ENDPOINT",
        )
    if running:
        yield _embedded(layout, running.about, environment)
        return
    supervisor = commanding.launch(layout, port, servers_alone=True)
    try:
        state = commanding.wait_until_ready(layout, supervisor, lambda _: None, _READY_WITHIN_S)
        yield _embedded(layout, state.about, environment)
    finally:
        commanding.stop(layout)


def _given(environment: Mapping[str, str]) -> Place:
    settings = Settings.from_environment(environment).require("s3_endpoint", "s3_access_key", "s3_secret_key")
    passwords = {role: environment.get(variable, "") for role, variable in ROLE_VARIABLES.items()}
    return Place(environment["IMPASTO_ADMIN_DATABASE_URL"], settings, passwords, environment)


def _embedded(layout: Layout, about: Mapping[str, Any], given: Mapping[str, str]) -> Place:
    credentials, ports = Credentials.kept(layout.credentials), about["ports"]
    urls = database_urls(given, credentials, ports["postgres"])
    settings = Settings.from_environment(service_environment(layout, ports, about["port"], credentials, given))
    settings = replace(settings, database_url=urls.api, engine_database_url=urls.engine)
    passwords = {role: urls.role_passwords.get(variable, "") for role, variable in ROLE_VARIABLES.items()}
    return Place(given.get("IMPASTO_ADMIN_DATABASE_URL") or urls.admin, settings, passwords, given)
