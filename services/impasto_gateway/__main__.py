"""The gateway's process: `python -m impasto_gateway`."""

from __future__ import annotations

import uvicorn

from impasto.backends.telemetry.process import begin_telling
from impasto.backends.web.one_write import OneWrite
from impasto.settings import REST_S, Settings
from impasto_gateway.app import create_app


def main() -> None:
    """Serves until it is told to stop; open event streams end within the grace."""
    settings = Settings.from_environment().require("database_url", "redis_url", "s3_endpoint")
    begin_telling(settings, "gateway")
    uvicorn.run(
        create_app(settings),
        host=settings.gateway_host,
        port=int(settings.gateway_port),
        access_log=False,
        log_config=None,  # ours
        log_level="warning",
        timeout_graceful_shutdown=3,
        timeout_keep_alive=REST_S,
        server_header=False,
        http=OneWrite,  # half as many packets
        proxy_headers=False,  # nobody asks from where a request came
    )


if __name__ == "__main__":
    main()
