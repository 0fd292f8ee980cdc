"""Makes a tenant and its first key: `python -m impasto.backends.postgres.bootstrap --tenant default --print-key`.

With `--operate` the key may look at the whole platform too: for whoever runs it.
"""

from __future__ import annotations

import argparse
import sys

import psycopg

from impasto.backends.postgres.keys import add_key, ensure_tenant
from impasto.settings import Settings
from impasto.tenants import SCOPES, new_key


def bootstrap(engine_url: str, tenant: str, *, operate: bool = False) -> tuple[str, str]:
    """The tenant's id and the text of a new key with every scope of the tenant, and with `operate` if asked."""
    scopes = [scope for scope in SCOPES if operate or scope != "operate"]
    with psycopg.connect(engine_url) as connection:
        tenant_id, key = ensure_tenant(connection, tenant), new_key()
        add_key(connection, tenant_id, key, "first key", scopes)
    return tenant_id, key.text


def main() -> None:
    """Prints the key, once, on standard output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--operate", action="store_true")
    parser.add_argument("--print-key", action="store_true", required=True)
    arguments = parser.parse_args()
    settings = Settings.from_environment().require("engine_database_url")
    _, key = bootstrap(settings.engine_database_url, arguments.tenant, operate=arguments.operate)
    sys.stdout.write(key + "\n")


if __name__ == "__main__":
    main()
