"""The gateway's process: `python -m impasto_gateway`."""

from __future__ import annotations

import logging

import uvicorn

from impasto.settings import Settings
from impasto_gateway.app import create_app


def main() -> None:
    """Serves until it is told to stop; open event streams end within the grace."""
    settings = Settings.from_environment().require("database_url", "redis_url", "s3_endpoint")
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.run(
        create_app(settings),
        host=settings.gateway_host,
        port=int(settings.gateway_port),
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=3,
        server_header=False,
    )


if __name__ == "__main__":
    main()
