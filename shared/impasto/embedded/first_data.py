"""Makes PostgreSQL's data directory, once: `python -m impasto.embedded.first_data`, with IMPASTO_DATA set."""

from __future__ import annotations

import os
import time

from impasto.embedded.cluster import Cluster
from impasto.embedded.credentials import Credentials
from impasto.embedded.layout import Layout
from impasto.embedded.resolve import choose


def main() -> None:
    """Nothing is done when the directory is there."""
    layout = Layout.at(None)
    # The services' environment names the embedded server's address; here the question is which program serves it.
    environment = {name: value for name, value in os.environ.items() if name != "IMPASTO_DATABASE_URL"}
    cluster = Cluster.at(layout.postgres, choose("postgres", layout, environment))
    if cluster.made() and not layout.postgres_mark.exists():
        # As root it lies outside the data folder, which somebody removed together with its password.
        cluster.data.rename(cluster.data.with_name(f"data-without-password-{time.time_ns()}"))
    if not cluster.made():
        cluster.make(Credentials.kept(layout.credentials).postgres_password)
    layout.postgres_mark.touch()


if __name__ == "__main__":
    main()
