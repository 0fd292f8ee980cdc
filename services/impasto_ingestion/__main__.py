"""Ingestion's process: `python -m impasto_ingestion`."""

from __future__ import annotations

import uvicorn

from impasto.backends.telemetry.process import begin_telling
from impasto.settings import REST_S, Settings
from impasto_ingestion.app import create_app


def main() -> None:
    """Serves until it is told to stop; uploads that are under way have a grace to end."""
    settings = Settings.from_environment().require("database_url", "s3_endpoint")
    begin_telling(settings, "ingestion")
    uvicorn.run(
        create_app(settings),
        host=settings.ingestion_host,
        port=int(settings.ingestion_port),
        access_log=False,
        log_config=None,  # ours
        log_level="warning",
        timeout_graceful_shutdown=10,
        timeout_keep_alive=REST_S,
        server_header=False,
    )


if __name__ == "__main__":
    main()
