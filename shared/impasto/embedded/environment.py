"""The environment our own services get: addresses and secrets of every part."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from impasto.embedded.cluster import DATABASE, OWNER
from impasto.embedded.credentials import Credentials
from impasto.embedded.layout import Layout


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """The database as its owner and as the two roles of ours; passwords of the roles when they are ours to set."""

    admin: str
    api: str
    engine: str
    role_passwords: dict[str, str]


def database_urls(given: Mapping[str, str], credentials: Credentials, port: int) -> DatabaseUrls:
    """From the embedded server, or from the addresses the user gave.

    When only IMPASTO_DATABASE_URL is given it is the owner's, and the roles' addresses differ in user and password.
    """
    passwords = {
        "IMPASTO_API_ROLE_PASSWORD": credentials.api_role_password,
        "IMPASTO_ENGINE_ROLE_PASSWORD": credentials.engine_role_password,
    }
    url = given.get("IMPASTO_DATABASE_URL")
    if url and (engine := given.get("IMPASTO_ENGINE_DATABASE_URL")):
        return DatabaseUrls(given.get("IMPASTO_ADMIN_DATABASE_URL") or url, url, engine, {})
    embedded = f"postgresql://{OWNER}:{credentials.postgres_password}@127.0.0.1:{port}/{DATABASE}"
    admin = given.get("IMPASTO_ADMIN_DATABASE_URL") or url or embedded if url else embedded
    return DatabaseUrls(
        admin,
        as_user(admin, "impasto_api", credentials.api_role_password),
        as_user(admin, "impasto_engine", credentials.engine_role_password),
        passwords,
    )


def as_user(url: str, user: str, password: str) -> str:
    """The same database for another user; host, port, name and query stay."""
    parts = urlsplit(url)
    place = parts.netloc.rsplit("@", 1)[-1]
    return urlunsplit(parts._replace(netloc=f"{quote(user)}:{quote(password, safe='')}@{place}"))


def service_environment(
    layout: Layout, ports: Mapping[str, int], gateway_port: int, credentials: Credentials, given: Mapping[str, str]
) -> dict[str, str]:
    """What every service of ours gets; a variable that the user has set wins over the embedded server's."""
    ours = {
        "IMPASTO_REDIS_URL": f"redis://:{credentials.redis_password}@127.0.0.1:{ports['redis']}/0",
        "IMPASTO_S3_ENDPOINT": f"http://127.0.0.1:{ports['s3']}",
        "IMPASTO_S3_ACCESS_KEY": credentials.s3_access_key,
        "IMPASTO_S3_SECRET_KEY": credentials.s3_secret_key,
        "IMPASTO_S3_BUCKET": "impasto",
        "IMPASTO_MODELS": str(layout.models),
        "IMPASTO_STUDIO_SECRET": credentials.studio_secret,
        "IMPASTO_WEBHOOK_SECRET_KEY": credentials.webhook_secret_key,
    }
    addresses = {
        "IMPASTO_DATA": str(layout.data),
        "IMPASTO_GATEWAY_PORT": str(gateway_port),
        "IMPASTO_GATEWAY_URL": f"http://127.0.0.1:{gateway_port}",
        "IMPASTO_STUDIO_PORT": str(ports["studio"]),
        "IMPASTO_INGESTION_HOST": "127.0.0.1",
        "IMPASTO_INGESTION_PORT": str(ports["ingestion"]),
        "IMPASTO_INGESTION_URL": f"http://127.0.0.1:{ports['ingestion']}",
        "PYTHONUNBUFFERED": "1",
    }
    # The shell's variables go through (proxies, CUDA_VISIBLE_DEVICES), the database owner's address does not.
    kept = {name: value for name, value in given.items() if name != "IMPASTO_ADMIN_DATABASE_URL"}
    chosen = {name: given.get(name) or value for name, value in ours.items()}
    return {"PATH": os.defpath} | kept | chosen | addresses
