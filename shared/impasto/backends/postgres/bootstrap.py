"""Makes a tenant and its first key: `python -m impasto.backends.postgres.bootstrap --tenant default --print-key`."""

from __future__ import annotations

import argparse
import sys

import psycopg

from impasto.backends.postgres.keys import add_key, ensure_tenant
from impasto.settings import Settings
from impasto.tenants import SCOPES, new_key


def bootstrap(engine_url: str, tenant: str) -> tuple[str, str]:
    """The tenant's id and the text of a new key with every scope."""
    with psycopg.connect(engine_url) as connection:
        tenant_id, key = ensure_tenant(connection, tenant), new_key()
        add_key(connection, tenant_id, key, "first key", list(SCOPES))
    return tenant_id, key.text


def main() -> None:
    """Prints the key, once, on standard output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--print-key", action="store_true", required=True)
    arguments = parser.parse_args()
    settings = Settings.from_environment().require("engine_database_url")
    sys.stdout.write(bootstrap(settings.engine_database_url, arguments.tenant)[1] + "\n")


if __name__ == "__main__":
    main()
