"""Ingestion's process: `python -m impasto_ingestion`."""

from __future__ import annotations

import logging

import uvicorn

from impasto.settings import Settings
from impasto_ingestion.app import create_app


def main() -> None:
    """Serves until it is told to stop; uploads that are under way have a grace to end."""
    settings = Settings.from_environment().require("database_url", "s3_endpoint")
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.run(
        create_app(settings),
        host=settings.ingestion_host,
        port=int(settings.ingestion_port),
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
        server_header=False,
    )


if __name__ == "__main__":
    main()
